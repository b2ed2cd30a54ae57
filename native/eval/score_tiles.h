// Scores of many queries against many rows by matrix products, a tile at a time, each with a proven bound on
// how far it is from dot() (eval/dot.h), which is what a score is. Most of them are decided by that: only
// those about which the bound leaves a doubt need be computed by dot(). So what comes of it is the same for
// products in float32 and in bfloat16, with any library, and for any number of threads.
//
// The bound. x, y: a query and a row; X, Y: the same as they are multiplied, which in bfloat16 are rounded;
// s: the score by the product of X and Y in float32; D: the dimension; u = 2^-23, which is twice the error of
// an operation that rounds to nearest and holds for units that round otherwise. By Cauchy and Schwarz
//   |<x,y> - <X,Y>| = |<x-X,y> + <X,y-Y>| <= |x-X| |y| + |X| |y-Y|,
// with the lengths of what was rounded away taken row by row. A sum of D products in any order is off by at
// most (D + 1) u |X| |Y| to first order, dot(), whose longest chain has D/64 + 7 additions, by (D/128 + 4) u
// |x| |y|. (D + D/64 + 16) u max(|x|,|X|) max(|y|,|Y|) covers both with what is of second order, and the
// comparisons with the bound, which round too. Numbers below float32's normal range may be lost: 2^-125 a
// product.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace kappa {

/// Queries of one tile, at most.
constexpr int64_t tile_queries = 64;
/// Rows of one tile, at most.
constexpr int64_t tile_rows = 128;

struct ScoreTile {
  int64_t first_query;
  int64_t queries;
  int64_t first_row;
  int64_t rows;
  const float* scores;  // rows x tile_queries; beyond `queries` they are 0
  const float* slack;   // of each query: |score - dot()| is at most that
};

class ScoreTiles {
 public:
  /// What a thread visits its tiles with.
  struct Visitor {
    Visitor() = default;
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    virtual ~Visitor() = default;
    virtual void visit(const ScoreTile& tile) = 0;
    /// The thread has no more tiles.
    virtual void finish() {}
  };
  using MakeVisitor = std::function<std::unique_ptr<Visitor>()>;

  /// Rows that are worth handing over at once.
  static constexpr int64_t block_rows = 1024;

  /// @param queries_QD float32, kept
  /// @param bfloat16 multiplies in bfloat16: worth it where the processor does so fast
  /// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_NOT_FINITE naming the query
  ScoreTiles(const at::Tensor& queries_QD, bool bfloat16);

  const at::Tensor& queries() const { return queries_QD_; }

  /// Visits every tile of queries and rows, on several threads; those of one query on one of them, from the
  /// first row to the last.
  /// @param rows `count` of them, of the queries' dimension
  /// @throws Error ERR_NOT_FINITE naming the row, counted from `first`
  void walk(const float* rows, int64_t count, int64_t first, const MakeVisitor& make_visitor);

 private:
  /// Lengths, rounded up: the longer one of a row as it is and as it is multiplied, and that of the
  /// difference.
  struct Lengths {
    double whole = 0;
    double residual = 0;
  };
  struct Block {
    const float* rows;
    int64_t count;
    int64_t first;
  };

  template <class T>
  Lengths measure(const float* row, T* rounded) const;
  template <class T>
  void pack_queries(std::vector<T>& packed);
  template <class T>
  void walk_block(const Block& block, const std::vector<T>& queries, std::vector<T>& rounded,
                  const MakeVisitor& make_visitor);
  void set_slack(int64_t query, int64_t count, const Lengths& rows, float* slack) const;

  at::Tensor queries_QD_;
  int64_t dim_;
  int64_t padded_;  // even
  bool bfloat16_;
  std::vector<Lengths> lengths_Q_;
  // Panels of tile_queries queries, as block_product() takes its second factor.
  std::vector<float> panels_;
  std::vector<at::BFloat16> half_panels_;
  // A block of rows as it is multiplied.
  std::vector<float> rows_;
  std::vector<at::BFloat16> half_rows_;
};

}  // namespace kappa
