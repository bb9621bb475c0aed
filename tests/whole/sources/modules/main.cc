import <cstdio>;
import "geometry/units.h";
import geometry;

int main()
{
    int sum = total(Circle{1}, Box{2, 3});
    std::printf("%d %.1f\n", sum, to_inches(1));
    for (unsigned i = 0; i < sum; i++)
        ;
}
