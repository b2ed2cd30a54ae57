// The store that the processes of a run meet at: where rank 0, or whoever started them, keeps it. Whoever
// asks it waits on a thread of its own, for where the machine that keeps it is cut off neither an answer
// comes nor an error.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "runtime/error.h"

namespace kappa {

/// What an exception of c10d says, without C++ frames.
std::string words_of(const std::exception_ptr& error);

struct StorePlace {
  int64_t rank = 0;
  int64_t world_size = 1;
  std::string address;
  int64_t port = 0;
  /// Whether rank 0 keeps the store; otherwise whoever started the ranks does.
  bool is_kept = true;
  /// Seconds that an answer is waited for.
  double timeout = 600;
};

class RankStore {
 public:
  /// Called while an answer is waited for; throws where nobody need wait any more.
  using Watch = std::function<void()>;

  /// @param where the run is, for errors
  /// @throws Error ERR_PEER
  RankStore(const StorePlace& place, std::function<std::string()> where);

  /// For c10d's own meetings; of its own connection.
  const c10::intrusive_ptr<c10d::Store>& meeting() const { return meeting_; }

  /// Leaves a text for the others, or takes one.
  /// @throws Error ERR_TIMEOUT, ERR_PEER, and what `watch` throws
  void put(const std::string& key, const std::string& value, const Watch& watch);
  /// @returns nothing where it is not there yet
  std::optional<std::string> take(const std::string& key, const Watch& watch);
  void remove(const std::string& key, const Watch& watch);
  /// Adds to a number that all have.
  int64_t add(const std::string& key, int64_t more, const Watch& watch);

  /// Names the ranks that do not wait as this one does.
  std::string missing_ranks() const;

 private:
  template <typename Answer>
  Answer ask(std::function<Answer(c10d::Store&)> question, const Watch& watch);

  StorePlace place_;
  std::function<std::string()> where_;
  c10::intrusive_ptr<c10d::Store> meeting_;
  /// A connection of its own, for one waits while the other is used.
  c10::intrusive_ptr<c10d::Store> texts_;
};

}  // namespace kappa
