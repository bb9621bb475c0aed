module;
#include <cmath>
module geometry;

static double unused(double x) { return x; }

double area(const Circle &circle) { return M_PI * circle.radius * circle.radius; }
double area(const Box &box) { return box.width * box.height; }
