/* UTF-8: äöü € */
const char *utf8 = "grüß €";
int wide[] = { L'ä' };
int ärger = 1;
int many = 'ab';
