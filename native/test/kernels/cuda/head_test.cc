// The CUDA kernels, from the source that nvcc compiles, executed on the CPU.
#define KAPPA_CHUNK_COLUMNS 24  // several chunks a row, the last one ragged
#define KAPPA_ROW_THREADS 64    // each is a fiber here
#define KAPPA_NORM_THREADS 64
#define KAPPA_NORM_PIECES 3  // as many blocks as are played
#include "test/cuda_on_cpu.h"
// Before the kernels: their macros come from there.
#include <ATen/ATen.h>

#include <fstream>
#include <sstream>

#include "head/softmax.h"
#include "kernels/cuda/batch_norm.cuh"
#include "kernels/cuda/checks.h"
#include "kernels/cuda/head.cuh"
#include "test/kernels/cuda/buffer.h"
#include "test/test.h"

namespace {

using namespace kappa;

TEST("the CUDA kernels, executed on the CPU, are right in every precision, at ragged sizes and extremes") {
  const cuda::Report report = cuda::check_kernels();
  EXPECT(report.failed == 0);
  EXPECT(report.passed > 100);
}

TEST("the checks of the kernels bite: kernels whose warps do not reduce fail them") {
  cuda_on_cpu::broken_shuffle = true;
  const cuda::HeadProblem p = cuda::make_problem(5, 37, 16, cuda::Content::random);
  cuda::Report report;
  report.quiet = true;
  cuda::check_against<float>(cuda::kernel_head<float>(p, 1, nullptr, nullptr), cuda::plain_head(p),
                             "on purpose", report);
  cuda_on_cpu::broken_shuffle = false;
  EXPECT(report.failed > 0);
}

TEST("the CUDA kernels agree with the CPU's walk") {
  const cuda::HeadProblem p = cuda::make_problem(9, 300, 32, cuda::Content::random, 5);
  const cuda::HeadResult actual = cuda::kernel_head<float>(p, 1, nullptr, nullptr);
  const auto tensor = [](std::vector<float> values, at::IntArrayRef shape) {
    return at::from_blob(values.data(), shape, at::kFloat).clone();
  };
  const at::Tensor labels = at::from_blob(const_cast<int64_t*>(p.labels.data()), {9}, at::kLong).clone();
  const at::Tensor centres = tensor(p.centres, {300, 32});
  const auto walked = softmax_forward(tensor(p.embeddings, {9, 32}), {centres}, labels,
                                      {tensor(p.margins, {300})}, {}, {}, std::make_shared<Workspace>());
  at::Tensor gradient = at::zeros_like(centres);
  softmax_gradient({{walked.pass, 1}}, centres, gradient);
  const auto numbers = [](const at::Tensor& t) {
    const at::Tensor d = t.to(at::kDouble).contiguous();
    return std::vector<double>(d.const_data_ptr<double>(), d.const_data_ptr<double>() + d.numel());
  };
  EXPECT(std::fabs(actual.loss - walked.loss.item<double>()) < 1e-5 * std::fmax(1, actual.loss));
  EXPECT(cuda::distance(actual.embedding_gradients, numbers(walked.embeddings_gradient_BD)) < 1e-5);
  EXPECT(cuda::distance(actual.centre_gradients, numbers(gradient)) < 1e-5);
}

/// The numbers behind a key, nested arrays flattened: all that the golden files need of JSON.
std::vector<double> numbers_of(const std::string& text, const std::string& key, size_t from) {
  size_t at = text.find('"' + key + '"', from);
  if (at == std::string::npos) kappa::test::fail(__FILE__, __LINE__, "the golden file has no " + key);
  at = text.find(':', at) + 1;
  std::vector<double> numbers;
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (c == '-' || std::isdigit(static_cast<unsigned char>(c)) != 0) {
      size_t used = 0;
      numbers.push_back(std::stod(text.substr(at, 40), &used));
      at += used;
      if (depth == 0) break;
      continue;
    }
    if (depth == 0 && (c == ']' || c == '}')) break;
    ++at;
  }
  return numbers;
}

TEST("the CUDA kernels give the golden losses and gradients") {
  std::ifstream file("test/fixtures/golden/margin_softmax.json");
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  size_t from = 0;
  int cases = 0;
  while ((from = text.find("\"beyondPi\"", from)) != std::string::npos) {
    // A case begins at the brace before its first key.
    const size_t start = text.rfind("\"note\"", from);
    const bool extend = text.substr(from, 24).find("extend") != std::string::npos;
    const auto embeddings = numbers_of(text, "embeddings", start);
    const auto labels = numbers_of(text, "labels", start);
    const auto psi = numbers_of(text, "classMarginScale", start);
    const auto weight = numbers_of(text, "weight", start);
    const double margin = numbers_of(text, "margin", start)[0];
    cuda::HeadProblem p;
    p.batch = static_cast<int64_t>(labels.size());
    p.classes = static_cast<int64_t>(psi.size());
    p.dim = static_cast<int64_t>(embeddings.size() / labels.size());
    p.block = 3;
    p.scale = static_cast<float>(numbers_of(text, "scale", start)[0]);
    p.function.beyond_pi = extend ? BeyondPi::extend : BeyondPi::none;
    p.embeddings.assign(embeddings.begin(), embeddings.end());
    p.centres.assign(weight.begin(), weight.end());
    for (double value : psi) p.margins.push_back(static_cast<float>(value * margin));
    for (double label : labels) p.labels.push_back(static_cast<int64_t>(label));
    const cuda::HeadResult actual = cuda::kernel_head<float>(p, 1, nullptr, nullptr);
    const double loss = numbers_of(text, "loss", start)[0];
    EXPECT(std::fabs(actual.loss - loss) < 1e-5 * std::fmax(1, loss));
    EXPECT(cuda::distance(actual.embedding_gradients, numbers_of(text, "gradEmbeddings", start)) < 2e-5);
    EXPECT(cuda::distance(actual.centre_gradients, numbers_of(text, "gradWeight", start)) < 2e-5);
    ++cases;
    from += 10;
  }
  EXPECT(cases >= 3);
}

}  // namespace
