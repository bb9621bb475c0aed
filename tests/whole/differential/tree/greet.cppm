export module greet;
export int greet(int x) { return x + 1; }
