export module geometry;
export import :shapes;

export double area(const Circle &circle);
export double area(const Box &box);
export template <typename... Shapes> double total(const Shapes &...shapes) { return (area(shapes) + ... + 0.0); }
