// A coverage-guided fuzzer of one page, for compilers without libFuzzer (GCC): inputs that reach something
// new become seeds for further ones. The code under test is compiled with -fsanitize-coverage=trace-pc and
// AddressSanitizer.
//   kappaface_fuzz --runs N --seed S --folder DIR [FILE...]
// With files it parses these alone. DIR keeps the inputs that count (corpus/) and, in failing-input, the one
// that ended the process. A run goes on from the corpus that it finds.
#include "test/fuzz.h"

#include <sanitizer/common_interface_defs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using Input = std::vector<uint8_t>;
using Clock = std::chrono::steady_clock;

constexpr size_t kMapSize = 1 << 16;
constexpr size_t kMaxBytes = 512;
constexpr auto kTimeLimit = std::chrono::seconds(10);

std::array<uint8_t, kMapSize> g_hits{};
std::array<uint8_t, kMapSize> g_seen{};
uintptr_t g_before = 0;

const Input* g_input = nullptr;
std::string g_failing_path;
std::atomic<uint64_t> g_run{0};

/// Saves the input being parsed; nothing but system calls, since the process is about to end.
void save_failing_input() {
  if (!g_input) return;
  if (std::FILE* file = std::fopen(g_failing_path.c_str(), "wb")) {
    std::fwrite(g_input->data(), 1, g_input->size(), file);
    std::fclose(file);
    std::fprintf(stderr, "The input is in %s\n", g_failing_path.c_str());
  }
  g_input = nullptr;
}

void on_abort(int) {
  save_failing_input();
  std::_Exit(1);
}

/// Ends the process when one input takes too long.
void watch() {
  uint64_t run = 0;
  auto since = Clock::now();
  for (;;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    if (g_run != run) {
      run = g_run;
      since = Clock::now();
    } else if (Clock::now() - since > kTimeLimit) {
      std::fprintf(stderr, "No answer within the time limit.\n");
      save_failing_input();
      std::_Exit(1);
    }
  }
}

/// How often an edge was taken, roughly: 1, 2, 3, 4-7, 8-15, ... as bits.
uint8_t bucket(uint8_t hits) {
  if (hits == 0) return 0;
  if (hits < 4) return static_cast<uint8_t>(1 << (hits - 1));
  return static_cast<uint8_t>(hits < 8 ? 8 : hits < 16 ? 16 : hits < 32 ? 32 : hits < 128 ? 64 : 128);
}

/// Parses an input. @return whether it went where none went before
bool parse(const Input& input) {
  g_hits.fill(0);
  g_before = 0;
  g_input = &input;
  // A copy of the exact size: a read behind its end is seen by AddressSanitizer.
  const Input exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  g_input = nullptr;
  ++g_run;
  bool is_new = false;
  for (size_t i = 0; i < kMapSize; ++i) {
    const uint8_t hits = bucket(g_hits[i]);
    is_new = is_new || (hits & ~g_seen[i]) != 0;
    g_seen[i] |= hits;
  }
  return is_new;
}

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  Input mutate(const std::vector<Input>& corpus) {
    Input input = corpus[below(corpus.size())];
    for (uint64_t round = uint64_t{1} << below(4); round > 0; --round) change(input, corpus);
    if (input.size() > kMaxBytes) input.resize(kMaxBytes);
    return input;
  }

 private:
  uint64_t below(uint64_t bound) { return random_() % bound; }
  uint8_t byte() { return static_cast<uint8_t>(random_()); }

  void change(Input& input, const std::vector<Input>& corpus) {
    constexpr std::array<uint64_t, 12> kExtremes = {0,          1,          0x7f,       0xff,
                                                    0xffff,     0x7fffffff, 0x80000000, 0xffffffff,
                                                    1ULL << 53, 1ULL << 62, ~0ULL >> 1, ~0ULL};
    const size_t at = below(input.size() + 1);
    const auto place = input.begin() + static_cast<ptrdiff_t>(at);
    switch (below(8)) {
      case 0:
        if (at < input.size()) input[at] ^= static_cast<uint8_t>(1 << below(8));
        break;
      case 1:
        if (at < input.size()) input[at] = byte();
        break;
      case 2:
        if (at < input.size()) input[at] = static_cast<uint8_t>(input[at] + 1 - 2 * below(2));
        break;
      case 3:
        input.insert(place, byte());
        break;
      case 4:
        input.resize(at);
        break;
      case 5:
        input.erase(place, place + static_cast<ptrdiff_t>(below(input.size() - at + 1)));
        break;
      case 6: {
        const uint64_t value = kExtremes[below(kExtremes.size())] + below(3) - 1;
        for (size_t i = 0; i < 8 && at + i < input.size(); ++i)
          input[at + i] = static_cast<uint8_t>(value >> (8 * i));
        break;
      }
      default: {
        const Input& other = corpus[below(corpus.size())];
        const size_t from = below(other.size() + 1);
        input.resize(at);
        input.insert(input.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
      }
    }
  }

  std::mt19937_64 random_;
};

Input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(file), {});
}

std::vector<Input> load_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Input> corpus{{}};
  for (const auto& path : paths) corpus.push_back(read_file(path));
  return corpus;
}

void save_input(const std::filesystem::path& folder, size_t number, const Input& input) {
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "%08zu", number);
  std::ofstream(folder / name.data(), std::ios::binary)
      .write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
}

void fuzz(const std::filesystem::path& corpus_folder, uint64_t runs, uint64_t seed) {
  std::filesystem::create_directories(corpus_folder);
  std::vector<Input> corpus = load_corpus(corpus_folder);
  for (const Input& input : corpus) parse(input);
  // Another seed for another part of a campaign: the same inputs need not come again.
  Mutator mutator(seed + corpus.size());
  auto printed = Clock::now();
  for (uint64_t run = 1; run <= runs; ++run) {
    Input input = mutator.mutate(corpus);
    if (parse(input)) {
      save_input(corpus_folder, corpus.size(), input);
      corpus.push_back(std::move(input));
    }
    if (run == runs || Clock::now() - printed > std::chrono::seconds(5)) {
      printed = Clock::now();
      std::printf("%llu of %llu inputs, %zu kept, %td places reached\n", static_cast<unsigned long long>(run),
                  static_cast<unsigned long long>(runs), corpus.size() - 1,
                  std::count_if(g_seen.begin(), g_seen.end(), [](uint8_t hits) { return hits > 0; }));
      std::fflush(stdout);
    }
  }
}

}  // namespace

extern "C" __attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc() {
  // Relative to this function: where the program is loaded must not matter.
  const auto here = reinterpret_cast<uintptr_t>(__builtin_return_address(0)) -
                    reinterpret_cast<uintptr_t>(&__sanitizer_cov_trace_pc);
  uint8_t& hits = g_hits[(here ^ (g_before >> 1)) % kMapSize];
  if (hits < 255) ++hits;
  g_before = here;
}

int main(int count, char** arguments) {
  uint64_t runs = 1'000'000;
  uint64_t seed = 1;
  std::filesystem::path folder = "fuzz";
  std::vector<std::string> files;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument.rfind("--", 0) != 0 || i + 1 == count)
      files.push_back(argument);
    else if (argument == "--runs")
      runs = std::stoull(arguments[++i]);
    else if (argument == "--seed")
      seed = std::stoull(arguments[++i]);
    else if (argument == "--folder")
      folder = arguments[++i];
  }
  std::filesystem::create_directories(folder);
  g_failing_path = (folder / "failing-input").string();
  __sanitizer_set_death_callback(save_failing_input);
  for (const int signal : {SIGABRT, SIGFPE, SIGILL}) std::signal(signal, on_abort);
  std::thread(watch).detach();
  for (const auto& file : files) parse(read_file(file));
  if (files.empty()) fuzz(folder / "corpus", runs, seed);
  std::_Exit(0);
}
