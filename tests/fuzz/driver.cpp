// Runs a fuzz target without libFuzzer: replays the corpus, then mutates it at random, always from
// the same seed. No coverage guides it, so it finds less; but it needs nothing but this compiler.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/input.hpp"

// Asked by the sanitizers, if this program has them: a finding ends in SIGABRT, so that its input
// is kept.
extern "C" const char* __asan_default_options() {
  return "abort_on_error=1";
}
extern "C" const char* __ubsan_default_options() {
  return "abort_on_error=1:print_stacktrace=1";
}

namespace {

constexpr unsigned input_limit = 10;  // seconds for one input
constexpr std::size_t max_input = 8'192;
constexpr const char* finding = "finding.bin";

using Bytes = std::vector<std::uint8_t>;
const Bytes* current = nullptr;

/// Keeps the input that is being run. Called in a signal handler.
void keep_input() {
  if (!current) return;
  const int file = ::open(finding, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || ::write(file, current->data(), current->size()) < 0) return;
  constexpr char text[] = "the input is in finding.bin, in the working directory\n";
  if (::write(STDERR_FILENO, text, sizeof text - 1) < 0) return;
  current = nullptr;
}

void on_signal(int signal) {
  constexpr char text[] = "one input took too long\n";
  if (signal == SIGALRM && ::write(STDERR_FILENO, text, sizeof text - 1) < 0) ::_exit(1);
  keep_input();
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run(const Bytes& input) {
  current = &input;
  ::alarm(input_limit);
  // Of its own size to the byte, so that a read past its end is seen.
  LLVMFuzzerTestOneInput(input.data(), input.size());
  ::alarm(0);
  current = nullptr;
}

std::vector<Bytes> read_corpus(int count, char** directories) {
  namespace fs = std::filesystem;
  std::vector<fs::path> paths;
  for (int at = 0; at < count; ++at)
    for (const auto& entry : fs::directory_iterator{directories[at]})
      if (entry.is_regular_file() && entry.path().filename() != finding)
        paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file{path, std::ios::binary};
    corpus.emplace_back(std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{});
  }
  return corpus;
}

/// Changes inputs at random.
class Mutator {
 public:
  explicit Mutator(const std::vector<Bytes>& corpus) : corpus_{corpus} {}

  Bytes next() {
    auto input = corpus_[below(corpus_.size())];
    for (auto times = 1 + below(6); times > 0; --times) change(input);
    if (input.size() > max_input) input.resize(max_input);
    input.shrink_to_fit();
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void change(Bytes& input) {
    const auto at = below(input.size() + 1);
    const auto length = below(std::min<std::size_t>(input.size() - at, 64) + 1);
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(7)) {
      case 0:
        if (at < input.size()) *place ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        if (at < input.size()) *place = interesting();
        break;
      case 2:
        input.erase(place, place + static_cast<std::ptrdiff_t>(length));
        break;
      case 3:
        input.insert(place, below(32) + 1, interesting());
        break;
      case 4: {
        const Bytes copy{place, place + static_cast<std::ptrdiff_t>(length)};
        const auto target = static_cast<std::ptrdiff_t>(below(input.size() + 1));
        input.insert(input.begin() + target, copy.begin(), copy.end());
        break;
      }
      case 5:
        input.insert(place, random_byte());
        break;
      default: {
        const auto& other = corpus_[below(corpus_.size())];
        const auto from = below(other.size() + 1);
        const auto size = below(other.size() - from + 1);
        const auto first = other.begin() + static_cast<std::ptrdiff_t>(from);
        input.insert(place, first, first + static_cast<std::ptrdiff_t>(size));
      }
    }
  }

  std::uint8_t random_byte() { return static_cast<std::uint8_t>(random_()); }
  std::uint8_t interesting() {
    constexpr char bytes[] = "\0\x01\x7f\x80\xff\n\r\t \"'\\{}[]()<>:;,./=+-*?$#@%&0123456789aZ";
    return static_cast<std::uint8_t>(bytes[below(sizeof bytes - 1)]);
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::strcmp(argv[1], "--seconds") != 0) {
    std::fprintf(stderr, "usage: %s --seconds N CORPUS-DIRECTORY...\n", argv[0]);
    return 2;
  }
  const std::chrono::seconds time{std::atoi(argv[2])};
  const auto corpus = read_corpus(argc - 3, argv + 3);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s holds no input\n", argv[3]);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGALRM, SIGFPE, SIGILL, SIGSEGV, SIGBUS})
    std::signal(signal, on_signal);

  for (const auto& input : corpus) run(input);
  Mutator mutator{corpus};
  std::size_t runs = 0;
  const auto until = std::chrono::steady_clock::now() + time;
  for (; std::chrono::steady_clock::now() < until; ++runs) run(mutator.next());
  std::printf("%zu seeds, %zu mutations, nothing found\n", corpus.size(), runs);
  return 0;
}
