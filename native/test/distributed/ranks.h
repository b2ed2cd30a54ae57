// Ranks of a group in threads of one process, over real connections.
#pragma once
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "distributed/process_group.h"

namespace kappa {

inline int64_t free_port() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const bool bound = listener >= 0 && bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  if (listener >= 0) close(listener);
  require(bound, "ERR_INTERNAL", "There is no free port.");
  return ntohs(address.sin_port);
}

/// Runs a function as each rank; throws what the first rank that failed threw.
inline void as_ranks(int64_t size, const std::function<void(const std::shared_ptr<ProcessGroup>&)>& body,
                     double timeout = 30) {
  const int64_t port = free_port();
  std::vector<std::exception_ptr> errors(static_cast<size_t>(size));
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const auto group = std::make_shared<ProcessGroup>(
            GroupOptions{rank, size, "127.0.0.1", port, true, "127.0.0.1", timeout});
        body(group);
        group->leave(std::chrono::seconds(10));
      } catch (...) {
        errors[static_cast<size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace kappa
