import greet;
int main() { return greet(-1); }
