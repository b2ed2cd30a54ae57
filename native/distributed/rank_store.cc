#include "distributed/rank_store.h"

#include <future>
#include <memory>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>
#include <vector>

namespace kappa {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How long the ranks that wait have to say so.
constexpr milliseconds roll_call{3000};
/// How often whoever waits for the store looks up.
constexpr milliseconds look_up{50};

milliseconds milliseconds_of(double seconds) { return milliseconds(static_cast<int64_t>(seconds * 1000)); }

c10::intrusive_ptr<c10d::Store> open(const StorePlace& place) {
  c10d::TCPStoreOptions settings;
  settings.port = static_cast<uint16_t>(place.port);
  settings.isServer = place.rank == 0 && place.is_kept;
  // A store that is not ours has had its workers already.
  if (place.is_kept) settings.numWorkers = static_cast<size_t>(place.world_size);
  settings.timeout = milliseconds_of(place.timeout);
  try {
    return c10::make_intrusive<c10d::TCPStore>(place.address, settings);
  } catch (...) {
    throw Error(
        "ERR_PEER",
        text("Rank ", place.rank, " of ", place.world_size,
             place.rank == 0 ? " could not bring all ranks together on " : " did not reach rank 0 on ",
             place.address, ":", place.port, " within ", place.timeout,
             " s: ", words_of(std::current_exception()),
             "\nAll ranks must be started, with the same address and port, and the port must be open."));
  }
}

/// Asks who else waits.
std::string call_roll(const c10::intrusive_ptr<c10d::Store>& store, int64_t own, int64_t size) {
  const auto key = [](int64_t rank) { return text("waiting/", rank); };
  store->set(key(own), std::vector<uint8_t>{1});
  std::string missing;
  const auto until = Clock::now() + roll_call;
  for (int64_t rank = 0; rank < size; ++rank) {
    bool waits = rank == own;
    while (!waits && !(waits = store->check({key(rank)})) && Clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(50));
    }
    if (!waits) missing += text(missing.empty() ? "" : ", ", rank);
  }
  return missing;
}

}  // namespace

std::string words_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const c10::Error& fault) {
    return fault.what_without_backtrace();
  } catch (const std::exception& fault) {
    return fault.what();
  } catch (...) {
    return "an unknown error";
  }
}

RankStore::RankStore(const StorePlace& place, std::function<std::string()> where)
    : place_(place), where_(std::move(where)) {
  const auto store = open(place);
  meeting_ = c10::make_intrusive<c10d::PrefixStore>("kappa", store);
  texts_ = c10::make_intrusive<c10d::PrefixStore>("texts", store->clone());
}

template <typename Answer>
Answer RankStore::ask(std::function<Answer(c10d::Store&)> question, const Watch& watch) {
  const auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> answer = promise->get_future();
  std::thread([promise, store = texts_, question = std::move(question)] {
    try {
      promise->set_value(question(*store));
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }).detach();
  const auto until = Clock::now() + milliseconds_of(place_.timeout);
  while (answer.wait_for(look_up) != std::future_status::ready) {
    // Whoever is waited for may be what broke it.
    watch();
    require(Clock::now() < until, "ERR_TIMEOUT", where_(),
            ": the store that rank 0 keeps did not answer within ", place_.timeout,
            " s. Rank 0 is stopped, or the network is cut.");
  }
  try {
    return answer.get();
  } catch (...) {
    throw Error("ERR_PEER", text("Rank ", place_.rank, " of ", place_.world_size,
                                 " lost the store that all ranks meet at, which rank 0 keeps: ",
                                 words_of(std::current_exception())));
  }
}

void RankStore::put(const std::string& key, const std::string& value, const Watch& watch) {
  ask<bool>(
      [key, value](c10d::Store& store) {
        store.set(key, std::vector<uint8_t>(value.begin(), value.end()));
        return true;
      },
      watch);
}

std::optional<std::string> RankStore::take(const std::string& key, const Watch& watch) {
  return ask<std::optional<std::string>>(
      [key](c10d::Store& store) -> std::optional<std::string> {
        if (!store.check({key})) return std::nullopt;
        const std::vector<uint8_t> value = store.get(key);
        return std::string(value.begin(), value.end());
      },
      watch);
}

void RankStore::remove(const std::string& key, const Watch& watch) {
  ask<bool>([key](c10d::Store& store) { return store.deleteKey(key); }, watch);
}

int64_t RankStore::add(const std::string& key, int64_t more, const Watch& watch) {
  return ask<int64_t>([key, more](c10d::Store& store) { return store.add(key, more); }, watch);
}

std::string RankStore::missing_ranks() const {
  std::promise<std::string> promise;
  std::future<std::string> answer = promise.get_future();
  // Rank 0, whose store this is, may be the one that is missing.
  std::thread([promise = std::move(promise), store = meeting_, own = place_.rank,
               all = place_.world_size]() mutable {
    try {
      promise.set_value(call_roll(store, own, all));
    } catch (...) {
      promise.set_value("");
    }
  }).detach();
  if (answer.wait_for(2 * roll_call) == std::future_status::ready) return answer.get();
  return "0, which keeps the store";
}

}  // namespace kappa
