export module geometry:shapes;

export struct Circle { double radius; };
export struct Box { double width, height; };
