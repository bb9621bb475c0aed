#pragma once
inline double to_inches(double metres) { return metres / 0.0254; }
