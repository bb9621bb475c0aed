/* latin1: äöü */
const char *latin1 = "grüß";
static int unused;
