// Whether this compiler links native/runtime/portable_symbols.cc: CMake tries the two together
// (KAPPA_PORTABLE).
#include <cmath>
#include <condition_variable>
#include <mutex>

int main(int count, char**) {
  std::mutex mutex;
  std::condition_variable condition;
  std::unique_lock<std::mutex> lock(mutex);
  if (count > 1) condition.wait(lock);
  return static_cast<int>(std::exp(count) + std::log(count) + std::pow(count, count));
}
