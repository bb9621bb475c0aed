"""The window: copies a `WindowView` into widgets.

1. Everything is drawn from the palette and the font of the desktop, so it follows light, dark and large print.
2. It is as tall as what there is to say: without jobs it is a headline, a reason and a button.
3. The button is a plain one whose text is the action, and texts from other machines are shown as they are, never as
   markup.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from farmhand_tray.icon import state_icon
from farmhand_tray.tooltips import show_tooltip
from farmhand_tray.view import JobRow, Row, TrayView, WindowView

SENDER_COLOURS = ("#2b9348", "#3a7fc4", "#b26b00", "#a4509c", "#0e8f8f", "#cc4a4a")
"""One for each number that the view gives to senders; all read on light and dark."""

WIDTH = 460
ROWS_IN_SIGHT = 6
BLOCK, GAP = 16, 4


class SlotBlocks(QWidget):
    """One block for each slot: filled in its sender's colour, or hollow while the slot is free."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: tuple[int | None, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_blocks(self, blocks: tuple[int | None, ...], spoken: str) -> None:
        """Show `blocks`; `spoken` says the same in words."""
        self.setAccessibleName(spoken)
        show_tooltip(self, spoken)
        if blocks != self._blocks:
            self._blocks = blocks
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """Qt's question for the size that fits best."""
        return QSize(WIDTH - 40, self.heightForWidth(max(self.width(), BLOCK)))

    def heightForWidth(self, width: int) -> int:
        """Qt's question for the height that fits a width."""
        rows = -(-len(self._blocks) // self._in_a_row(width))
        return max(0, rows * (BLOCK + GAP) - GAP)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the blocks row by row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        in_a_row = self._in_a_row(self.width())
        for number, colour in enumerate(self._blocks):
            row, column = divmod(number, in_a_row)
            box = QRectF(column * (BLOCK + GAP) + 0.5, row * (BLOCK + GAP) + 0.5, BLOCK - 1, BLOCK - 1)
            painter.setPen(_faint(self.palette()) if colour is None else QColor(SENDER_COLOURS[colour]))
            painter.setBrush(Qt.BrushStyle.NoBrush if colour is None else QColor(SENDER_COLOURS[colour]))
            painter.drawRoundedRect(box, 3, 3)
        painter.end()

    def _in_a_row(self, width: int) -> int:
        return max(1, (width + GAP) // (BLOCK + GAP))


class TailLabel(QLabel):
    """One line that loses its beginning, not its end, where room is short."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""

    def show_text(self, text: str) -> None:
        """Show `text`, all of it if it fits."""
        self._whole = text
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the text to the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setText(QFontMetrics(self.font()).elidedText(self._whole, Qt.TextElideMode.ElideLeft, self.width()))


class JobLines(QWidget):
    """A job in two lines, with the colour of its sender in front and a button behind.

    Signals:
        chosen: the `Action` of the button that was pressed, and whom it is about.
    """

    chosen = Signal(object, str)

    def __init__(self) -> None:
        super().__init__()
        self._swatch = SlotBlocks()
        self._swatch.setFixedSize(BLOCK, BLOCK)
        self._row = Row("")
        self.button = QToolButton()
        self.button.setAutoRaise(True)
        self.button.setFont(_larger(self.button, 0.9))
        self.button.clicked.connect(lambda: self.chosen.emit(self._row.action, self._row.who))
        self._who, self._lasts, self._file, self._work = TailLabel(), _label(), TailLabel(), _label(faint=True)
        bold = self._who.font()
        bold.setBold(True)
        self._who.setFont(bold)
        lines = QVBoxLayout()
        lines.setSpacing(1)
        lines.addLayout(_beside(self._who, self._lasts))
        lines.addLayout(_beside(self._file, self._work))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(10)
        layout.addWidget(self._swatch, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(lines, 1)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)

    def show_job(self, job: JobRow) -> None:
        """Show `job`."""
        self._swatch.show_blocks((job.colour,), job.who)
        self._who.show_text(job.who)
        self._lasts.setText(job.lasts)
        self._file.show_text(job.file)
        self._work.setText(job.work)
        self.setAccessibleName(job.spoken)
        self._row = job.block
        self.button.setText(job.block.label)
        self.button.setAccessibleName(f"{job.block.label} {job.who}")
        show_tooltip(self.button, f"{job.block.label} {job.who}")


class FarmhandWindow(QWidget):
    """The face of the agent.

    Signals:
        pressed: the button was pressed; which action that is stands in the view.
        chosen: a job's button was pressed: its `Action` and whom it is about.
        seen: the window came into sight or went out of it.
    """

    pressed = Signal()
    chosen = Signal(object, str)
    seen = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._icon = QLabel()
        self._headline = _label(wraps=True)
        self._headline.setFont(_larger(self._headline, 1.7))
        self._reason, self._note = _label(wraps=True), _label(wraps=True)
        self.button = QPushButton()
        self.button.setDefault(True)
        self.button.setMinimumHeight(36)
        self.button.clicked.connect(self.pressed)
        self._slots, self._blocks = _label(), SlotBlocks()
        self._rows = QVBoxLayout()
        self._scroll = self._make_scroll()
        self._footnotes = _label(faint=True, wraps=True)
        self._footnotes.setFont(_larger(self._footnotes, 0.9))
        self._jobs: list[JobLines] = []
        self._lay_out()
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self.hide)

    def show_view(self, view: TrayView) -> None:
        """Show what `view` says."""
        window = view.window
        self.setWindowTitle(window.title)
        self.setWindowIcon(state_icon("farmhand"))
        self._icon.setPixmap(state_icon(view.icon).pixmap(QSize(48, 48), self.devicePixelRatioF()))
        self._icon.setAccessibleName(window.headline)
        for label, text in ((self._headline, window.headline), (self._reason, window.reason)):
            label.setText(text)
        self._show_if(self._note, window.note)
        self._show_if(self._slots, window.slots)
        self._show_if(self._footnotes, "\n".join(window.footnotes))
        self.button.setText(window.button.label)
        self.button.setEnabled(window.button.enabled)
        self._blocks.setVisible(bool(window.blocks))
        self._blocks.show_blocks(window.blocks, window.slots)
        self._show_jobs(window)
        self._fit()

    def bring_up(self) -> None:
        """Show the window in front of the others, with the button ready for a key."""
        self.show()
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.raise_()
        self.activateWindow()
        self.button.setFocus()

    def changeEvent(self, event: QEvent) -> None:
        """Tell when the window was minimised or came back."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.seen.emit(self.isVisible() and not self.isMinimized())

    def event(self, event: QEvent) -> bool:
        """Tell when the window was shown or hidden."""
        done = super().event(event)
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self.seen.emit(event.type() == QEvent.Type.Show)
        return done

    def _make_scroll(self) -> QScrollArea:
        inside = QWidget()
        inside.setLayout(self._rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return scroll

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(14)
        head.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        texts = QVBoxLayout()
        for label in (self._headline, self._reason, self._note):
            texts.addWidget(label)
        head.addLayout(texts, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self.button)
        for widget in (self._blocks, self._slots, self._scroll, self._footnotes):
            layout.addWidget(widget)

    def _show_if(self, label: QLabel, text: str) -> None:
        label.setText(text)
        label.setVisible(bool(text))

    def _show_jobs(self, window: WindowView) -> None:
        while len(self._jobs) > len(window.jobs):
            gone = self._jobs.pop()
            self._rows.removeWidget(gone)
            gone.deleteLater()
        while len(self._jobs) < len(window.jobs):
            self._jobs.append(JobLines())
            self._jobs[-1].chosen.connect(self.chosen)
            self._rows.addWidget(self._jobs[-1])
        for lines, job in zip(self._jobs, window.jobs, strict=True):
            lines.show_job(job)
        self._scroll.setVisible(bool(window.jobs))
        if self._jobs:
            self._scroll.setFixedHeight(self._jobs[0].sizeHint().height() * min(len(self._jobs), ROWS_IN_SIGHT))

    def _fit(self) -> None:
        layout = self.layout()
        assert layout is not None
        layout.activate()  # else the layouts inside answer with the heights of the texts before
        self.setFixedSize(WIDTH, layout.totalHeightForWidth(WIDTH))


def _label(faint: bool = False, wraps: bool = False) -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wraps)
    if faint:
        label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def _larger(label: QWidget, factor: float) -> QFont:
    font = label.font()
    font.setPointSizeF(font.pointSizeF() * factor)
    return font


def _beside(left: QWidget, right: QWidget) -> QHBoxLayout:
    line = QHBoxLayout()
    line.setSpacing(8)
    line.addWidget(left, 1)
    line.addWidget(right, 0)
    return line


def _faint(palette: QPalette) -> QColor:
    return palette.color(QPalette.ColorRole.PlaceholderText)
