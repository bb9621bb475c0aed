"""Names of compiler options that affect only the object file, so that a compile with them may be sent to a host.

An option that is neither listed here nor in `options` keeps the compile on this machine until it has been tested: it
could write a file beside the object. Names stand without "-f" or "-m", without "no-" and without a value. Source: `gcc
--help=common,optimizers,target,c,c++` of gcc 12 and `clang --help-hidden` of clang 14. Each was compiled here and in
the two steps of a farm, and the objects were compared; `python -m tests.whole.differential` repeats that.
"""

from __future__ import annotations

FEATURES = frozenset(
    """
    PIC PIE aapcs-bitfield-load aapcs-bitfield-width abi-compat-version abi-version access-control addrsig
    aggressive-loop-optimizations align-functions align-jumps align-labels align-loops aligned-allocation
    aligned-new allocation-dce allow-editor-placeholders allow-leading-underscore
    allow-parameterless-variadic-functions allow-store-data-races alt-external-templates altivec-src-compat analyzer
    analyzer-call-summaries analyzer-checker analyzer-feasibility analyzer-fine-grained
    analyzer-show-duplicate-count analyzer-state-merge analyzer-state-purge analyzer-transitivity
    analyzer-verbose-edges analyzer-verbose-state-changes analyzer-verbosity ansi-escape-codes application-extension
    approx-func argument-alias argument-noalias argument-noalias-anything argument-noalias-global asan-shadow-offset
    asm associative-math assume-sane-operator-new async-exceptions asynchronous-unwind-tables auto-inc-dec autolink
    basic-block-sections binutils-version bit-tests blocks borland-extensions branch-count-reg
    branch-target-load-optimize branch-target-load-optimize2 btr-bb-exclusive builtin builtin-printf c++-abi
    c++-static-destructors call-saved call-saved-x10 call-saved-x11 call-saved-x12 call-saved-x13 call-saved-x14
    call-saved-x15 call-saved-x18 call-saved-x8 call-saved-x9 call-used caller-saves canonical-system-headers
    cf-protection char8_t check-data-deps check-new check-pointer-bounds checking chkp-check-incomplete-type
    chkp-check-read chkp-check-write chkp-first-field-has-own-bounds chkp-flexible-struct-trailing-arrays
    chkp-instrument-calls chkp-instrument-marked-only chkp-narrow-bounds chkp-narrow-to-innermost-array
    chkp-optimize chkp-store-bounds chkp-treat-zero-dynamic-size-as-infinite chkp-use-fast-string-functions
    chkp-use-nochk-string-functions chkp-use-static-bounds chkp-use-static-const-bounds chkp-use-wrappers
    chkp-zero-input-bounds-for-main cilkplus clang-abi-compat code-hoisting color-diagnostics
    combine-stack-adjustments comment-block-commands common compare-elim complete-member-pointers concepts
    concepts-diagnostics-depth concepts-ts cond-mismatch conserve-space conserve-stack const-string-class
    constant-cfstrings constexpr-cache-depth constexpr-depth constexpr-fp-except constexpr-loop-limit
    constexpr-ops-limit convergent-functions coroutines coroutines-ts cprop-registers crossjumping cse-follow-jumps
    cse-skip-blocks cx-fortran-rules cx-limited-range cxx-exceptions data-sections dce debug-compilation-dir
    debug-default-version debug-info-for-profiling debug-macro debug-prefix-map debug-ranges-base-address
    debug-types-section declone-ctor-dtor deduce-init-list default-inline defer-pop delayed-branch
    delayed-template-parsing delete-dead-exceptions delete-null-pointer-checks devirtualize devirtualize-at-ltrans
    devirtualize-speculatively diagnostics-absolute-paths diagnostics-color diagnostics-column-origin
    diagnostics-column-unit diagnostics-escape-format diagnostics-fixit-info diagnostics-generate-patch
    diagnostics-hotness-threshold diagnostics-minimum-margin-width diagnostics-parseable-fixits
    diagnostics-path-format diagnostics-plain-output diagnostics-print-source-range-info diagnostics-show-caret
    diagnostics-show-cwe diagnostics-show-hotness diagnostics-show-labels diagnostics-show-line-numbers
    diagnostics-show-location diagnostics-show-note-include-stack diagnostics-show-option
    diagnostics-show-path-depths diagnostics-show-template-tree diagnostics-urls digraphs
    direct-access-external-data discard-value-names dollars-in-identifiers double-square-bracket-attributes dse
    dwarf-exceptions dwarf2-cfi-asm early-inlining elide-constructors elide-type eliminate-dwarf2-dups
    eliminate-unused-debug-symbols eliminate-unused-debug-types emit-all-decls emit-class-debug-always
    emit-struct-debug-baseonly emit-struct-debug-detailed emit-struct-debug-reduced emulated-tls enable-matrix
    enforce-eh-specs enum-int-equiv exceptions excess-precision exec-charset expensive-optimizations
    experimental-new-constant-interpreter experimental-relative-c++-abi-vtables experimental-strict-floating-point
    ext-numeric-literals extend-arguments extended-identifiers extern-tls-init external-templates fast-math
    fat-lto-objects file-prefix-map fine-grained-bitfield-accesses finite-loops finite-math-only fixed fixed-a0
    fixed-a1 fixed-a2 fixed-a3 fixed-a4 fixed-a5 fixed-a6 fixed-d0 fixed-d1 fixed-d2 fixed-d3 fixed-d4 fixed-d5
    fixed-d6 fixed-d7 fixed-point fixed-r19 fixed-r9 fixed-x1 fixed-x10 fixed-x11 fixed-x12 fixed-x13 fixed-x14
    fixed-x15 fixed-x16 fixed-x17 fixed-x18 fixed-x19 fixed-x2 fixed-x20 fixed-x21 fixed-x22 fixed-x23 fixed-x24
    fixed-x25 fixed-x26 fixed-x27 fixed-x28 fixed-x29 fixed-x3 fixed-x30 fixed-x31 fixed-x4 fixed-x5 fixed-x6
    fixed-x7 fixed-x8 fixed-x9 float-store fold-simple-inlines for-scope force-addr force-dwarf-frame
    force-emit-vtables force-enable-int128 forward-propagate fp-contract fp-exception-behavior
    fp-int-builtin-inexact fp-model freestanding friend-injection function-cse function-sections gcse
    gcse-after-reload gcse-las gcse-lm gcse-sm global-isel gnat-encodings gnu-inline-asm gnu-keywords gnu-runtime
    gnu-tm gnu-unique gnu89-inline gnuc-version graphite graphite-identity guess-branch-probability guiding-decls
    handle-exceptions harden-compares harden-conditional-branches hoist-adjacent-loads honor-std hosted huge-objects
    ident if-conversion if-conversion2 ignore-exceptions implement-inlines implicit-constexpr
    implicit-inline-templates implicit-templates indirect-inlining inhibit-size-directive inline inline-atomics
    inline-functions inline-functions-called-once inline-hint-functions inline-limit inline-small-functions
    instrument-function-entry-bare instrument-functions instrument-functions-after-inlining
    instrument-functions-exclude-file-list instrument-functions-exclude-function-list ipa-bit-cp ipa-cp
    ipa-cp-alignment ipa-cp-clone ipa-icf ipa-icf-functions ipa-icf-variables ipa-matrix-reorg ipa-modref ipa-pta
    ipa-pure-const ipa-ra ipa-reference ipa-reference-addressable ipa-sra ipa-stack-alignment ipa-strict-aliasing
    ipa-struct-reorg ipa-vrp ira-algorithm ira-hoist-pressure ira-loop-pressure ira-region ira-share-save-slots
    ira-share-spill-slots isolate-erroneous-paths-attribute isolate-erroneous-paths-dereference ivopts jump-tables
    keep-gc-roots-live keep-inline-functions keep-static-consts keep-static-functions labels-ok large-source-files
    lax-vector-conversions leading-underscore lifetime-dse limit-function-alignment live-patching
    live-range-shrinkage local-ivars loop-block loop-flatten loop-interchange loop-nest-optimize loop-optimize
    loop-parallelize-all loop-strip-mine loop-unroll-and-jam lra-remat lto-compression-level lto-jobs
    lto-odr-type-merging lto-partition macro-prefix-map math-errno max-errors max-tokens max-type-align
    merge-all-constants merge-constants merge-debug-strings message-length move-loop-invariants move-loop-stores
    ms-compatibility ms-compatibility-version ms-extensions ms-hotpatch msc-version mudflap mudflapir mudflapth
    name-mangling-version new-abi new-alignment new-infallible new-inheriting-ctors new-ttp-matching next-runtime
    nil-receivers non-call-exceptions nonansi-builtins nonnull-objects nothrow-opt omit-frame-pointer
    openmp-enable-irbuilder openmp-extensions openmp-implicit-rpath openmp-new-driver openmp-version
    operator-names optimize-register-move optimize-sibling-calls optimize-strlen optional-diags pack-struct
    partial-inlining pascal-strings patchable-function-entry pcc-struct-return peel-loops peephole peephole2
    permissive permitted-flt-eval-methods pic pie plan9-extensions plt predictive-commoning prefetch-loop-arrays
    preserve-as-comments pretty-templates printf-return-value protect-parens pseudo-probe-for-profiling random-seed
    reciprocal-math ree reg-struct-return register-global-dtors-with-atexit regmove relaxed-template-template-args
    rename-registers reorder-blocks reorder-blocks-algorithm reorder-blocks-and-partition reorder-functions
    reroll-loops rerun-cse-after-loop rerun-loop-opt ropi rounding-math rtlib-add-rpath rtti rtti-data rwpi sanitize
    sanitize-address-destructor sanitize-address-field-padding sanitize-address-globals-dead-stripping
    sanitize-address-outline-instrumentation sanitize-address-poison-custom-array-cookie
    sanitize-address-use-after-return sanitize-address-use-after-scope sanitize-address-use-odr-indicator
    sanitize-cfi-canonical-jump-tables sanitize-cfi-cross-dso sanitize-cfi-icall-generalize-pointers
    sanitize-hwaddress-abi sanitize-hwaddress-experimental-aliasing sanitize-memory-param-retval
    sanitize-memory-track-origins sanitize-memory-use-after-dtor sanitize-recover sanitize-sections
    sanitize-thread-atomics sanitize-thread-func-entry-exit sanitize-thread-memory-access sanitize-trap
    sanitize-undefined-strip-path-components sanitize-undefined-trap-on-error sched-critical-path-heuristic
    sched-dep-count-heuristic sched-group-heuristic sched-interblock sched-last-insn-heuristic sched-pressure
    sched-rank-heuristic sched-stalled-insns sched-stalled-insns-dep sched2-use-superblocks sched2-use-traces
    schedule-fusion schedule-insns schedule-insns2 section-anchors see seh-exceptions sel-sched-pipelining
    sel-sched-pipelining-outer-loops sel-sched-reschedule-pipelined selective-scheduling selective-scheduling2
    semantic-interposition short-enums short-wchar show-column show-overloads show-skipped-includes
    show-source-location shrink-wrap shrink-wrap-separate signaling-nans signed-bitfields signed-char signed-zeros
    simd-cost-model single-precision-constant sized-deallocation sjlj-exceptions slp-vectorize spell-checking
    split-dwarf-inlining split-ivs-in-unroller split-loops split-lto-unit split-machine-functions split-paths
    split-stack split-wide-types split-wide-types-early squangle ssa-backprop ssa-phiopt sso-struct stack-check
    stack-clash-protection stack-limit stack-limit-register stack-limit-symbol stack-protector stack-protector-all
    stack-protector-explicit stack-protector-strong stack-reuse standalone-debug stdarg-opt store-merging
    strength-reduce strict-aliasing strict-enums strict-float-cast-overflow strict-overflow strict-prototype
    strict-return strict-volatile-bitfields strict-vtable-pointers strong-eval-order sync-libcalls tabstop
    template-backtrace-limit template-depth this-is-variable thread-jumps threadsafe-statics tls-model
    toplevel-reorder tracer trampolines trap-function trapping-math trapv trapv-handler tree-bit-ccp
    tree-builtin-call-dce tree-ccp tree-ch tree-coalesce-inlined-vars tree-coalesce-vars tree-copy-prop
    tree-copyrename tree-cselim tree-dce tree-dominator-opts tree-dse tree-forwprop tree-fre
    tree-loop-distribute-patterns tree-loop-distribution tree-loop-if-convert tree-loop-if-convert-stores
    tree-loop-im tree-loop-ivcanon tree-loop-linear tree-loop-optimize tree-loop-vectorize tree-lrs
    tree-parallelize-loops tree-partial-pre tree-pre tree-pta tree-reassoc tree-salias tree-scev-cprop tree-sink
    tree-slp-vectorize tree-slsr tree-sra tree-store-ccp tree-store-copy-prop tree-switch-conversion tree-tail-merge
    tree-ter tree-vect-loop-version tree-vectorize tree-vrp trivial-auto-var-init trivial-auto-var-init-stop-after
    unconstrained-commons unique-basic-block-section-names unique-internal-linkage-names unique-section-names
    unit-at-a-time unroll-all-loops unroll-completely-grow-size unroll-loops unsafe-loop-optimizations
    unsafe-math-optimizations unsigned-bitfields unsigned-char unswitch-loops unwind-tables use-cuid use-cxa-atexit
    use-cxa-get-exception-ptr use-init-array use-ld var-tracking var-tracking-assignments
    var-tracking-assignments-toggle var-tracking-uninit variable-expansion-in-unroller veclib vect-cost-model
    vectorize verbose-asm version-loops-for-strides virtual-function-elimination visibility visibility-dllexport
    visibility-externs-dllimport visibility-externs-nodllstorageclass visibility-from-dllstorageclass
    visibility-global-new-delete-hidden visibility-inlines-hidden visibility-inlines-hidden-static-local-var
    visibility-ms-compat visibility-nodllstorageclass vpt vtable-gc vtable-thunks wasm-exceptions weak web
    whole-program whole-program-vtables wide-exec-charset wrapv wrapv-pointer writable-strings xl-pragma-pack zee
    zero-call-used-regs zero-initialized-in-bss zero-link zvector
    """.split()  # noqa: SIM905
)
"""Options that begin with "-f"."""

MACHINE = frozenset(
    """
    128bit-long-double 16 32 3dnow 3dnowa 64 80387 8bit-idiv 96bit-long-double abi abicalls abm
    accumulate-outgoing-args address-mode adx aes aix-struct-return align-branch align-branch-boundary align-data
    align-double align-functions align-jumps align-loops align-stringops amx-bf16 amx-int8 amx-tile android
    apcs-frame arch arm asm avx avx2 avx256-split-unaligned-load avx256-split-unaligned-store avx5124fmaps
    avx5124vnniw avx512bf16 avx512bitalg avx512bw avx512cd avx512dq avx512er avx512f avx512fp16 avx512ifma avx512pf
    avx512vbmi avx512vbmi2 avx512vl avx512vnni avx512vp2intersect avx512vpopcntdq avxvnni backchain big-endian
    bionic bmi bmi2 branch-cost branch-likely branch-protection branches-within-32B-boundaries bti-at-return-twice
    call-ms2sysv-xlogues cet-switch cld cldemote clflushopt clwb clzero cmodel cmse code-object-v3
    code-object-version cpu crc crc32 csr-check cumode cx16 default direct-extern-access dispatch-scheduler double
    eabi enable-experimental-extensions enable-unsafe-fp-math enqcmd exec-model execute-only explicit-relocs
    extern-sdata f16c fancy-math-387 fentry fentry-name fentry-section fix-cmse-cve-2021-35465 fix-cortex-a53-835769
    fix-cortex-a53-843419 float-abi fma fma4 force-drap force-indirect-call fp-ret-in-387 fp32 fp64 fpmath fpu fpxx
    fsgsbase function-return fused-madd fxsr general-regs-only gfni glibc global-merge gpopt hard-float harden-sls
    hle hreset iamcu ibt-seal ieee-fp ignore-xcoff-visibility implicit-float incoming-stack-boundary
    incremental-linker-compatible indirect-branch indirect-branch-cs-prefix indirect-branch-register indirect-jump
    inline-all-stringops inline-stringops-dynamically instrument-return intel-syntax ips1 ips2 ips3 ips32 ips32r2
    ips32r3 ips32r5 ips32r6 ips4 ips5 ips64 ips64r2 ips64r3 ips64r5 ips64r6 kl large-data-threshold little-endian
    llsc local-sdata long-calls long-double-128 long-double-64 long-double-80 low-precision-recip-sqrt lra lvi-cfi
    lvi-hardening lwp lzcnt madd4 manual-endbr mark-bti-property memcpy-strategy memops memset-strategy mitigate-rop
    mmx movbe movdir64b movdiri move-max movt mpx ms-bitfields msa mt musl mwait mwaitx needed neg-immediates
    no-fdpic nocrc nop-mcount nvj nvs odd-spreg omit-leaf-frame-pointer outline outline-atomics packed-stack packets
    pad-max-prefix-size pc32 pc64 pc80 pclmul pcommit pconfig pic-register pku plt poke-function-name popcnt
    prefer-avx128 prefer-vector-width preferred-stack-boundary prefetchwt1 prfchw ptwrite push-args qdsp6-compat
    rdpid rdrnd rdseed recip red-zone regparm relax relax-all relax-cmpxchg-loop relax-pic-calls restrict-it rtd rtm
    sahf save-restore sched-prolog serialize seses sgx sha shstk sign-return-address skip-rax-setup small-data-limit
    soft-float sse sse2 sse2avx sse3 sse4 sse4.1 sse4.2 sse4a sse5 sseregparm ssse3 stack-alignment stack-arg-probe
    stack-probe-size stack-protector-guard stack-protector-guard-offset stack-protector-guard-reg
    stack-protector-guard-symbol stackrealign store-max strict-align strict-alignment stringop-strategy stv
    sve-vector-bits svr4-struct-return sym32 targetos tbm tgsplit thread-model thumb thumb-interwork tls-dialect
    tls-direct-seg-refs tls-size tp tpf-trace tsxldtrk tune tune-ctrl uclibc uintr unaligned-access
    unsafe-fp-atomics vaes veclibabi vect8-ret-in-mem vpclmulqdq vscale-max vscale-min vzeroupper waitpkg
    wavefrontsize64 wbnoinvd widekl x32 xop xsave xsavec xsaveopt xsaves
    """.split()  # noqa: SIM905
)
"""Options that begin with "-m"."""
