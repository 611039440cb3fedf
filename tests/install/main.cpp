#include <iostream>

#include <unspool/unspool.h>

int main() {
  const unspool::Shape shape{2, 3};
  std::cout << "unspool " << unspool::version() << ", " << shape.elements() << " elements\n";
  return shape.elements() == 6 ? 0 : 1;
}
