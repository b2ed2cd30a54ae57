// Structs and enumerations as JavaScript knows them, each described once: reading, writing and the text of
// signatures follow from it.
//
//   template <>
//   struct Fields<SgdOptions> {
//     static constexpr const char* name = "SgdOptions";
//     static constexpr std::tuple list{Field{"lr", &SgdOptions::lr}, Field{"momentum",
//     &SgdOptions::momentum}};
//   };
//
//   template <>
//   struct Choices<Precision> {
//     static constexpr const char* name = "Precision";
//     static constexpr Choice<Precision> list[] = {{"float32", Precision::float32}, ...};
//   };
#pragma once
#include <map>
#include <string>
#include <tuple>

#include "runtime/error.h"

namespace kappa {

template <class Owner, class Value>
struct Field {
  using Type = Value;
  const char* name;
  Value Owner::*member;
};
// Clang 14 does not find it by itself.
template <class Owner, class Value>
Field(const char*, Value Owner::*) -> Field<Owner, Value>;

template <class E>
struct Choice {
  const char* name;
  E value;
};

template <class T>
struct Fields;
template <class T>
struct Choices;

template <class T>
concept Described = requires { Fields<T>::list; };
template <class T>
concept Enumerated = requires { Choices<T>::list; };

/// @throws Error ERR_ARGUMENT for a name that none of them has
template <Enumerated E>
E choice_named(const std::string& name) {
  std::string known;
  for (const auto& choice : Choices<E>::list) {
    if (name == choice.name) return choice.value;
    known += text(known.empty() ? "" : ", ", "'", choice.name, "'");
  }
  throw Error("ERR_ARGUMENT", text("Unknown ", Choices<E>::name, " '", name, "': expected ", known, "."));
}

/// The named types of signatures, and what each is. Types are written as in the TypeScript contract.
class TypeNames {
 public:
  /// Adds a type and gives its name back.
  std::string add(const char* name, const std::string& definition) {
    const auto [entry, is_new] = definitions_.emplace(name, definition);
    require(is_new || entry->second == definition, "ERR_INTERNAL", "Two types are called ", name, ": ",
            entry->second, " and ", definition, ".");
    return name;
  }

  const std::map<std::string, std::string>& definitions() const { return definitions_; }

 private:
  std::map<std::string, std::string> definitions_;
};

template <Enumerated E>
std::string choices_type(TypeNames& names) {
  std::string union_of;
  for (const auto& choice : Choices<E>::list) {
    union_of += text(union_of.empty() ? "" : " | ", "'", choice.name, "'");
  }
  return names.add(Choices<E>::name, union_of);
}

/// @param type_of gives the text of a field's type
template <Described T, class TypeOf>
std::string fields_type(TypeNames& names, const TypeOf& type_of) {
  std::string fields;
  std::apply(
      [&](const auto&... field) {
        ((fields += text(fields.empty() ? "" : "; ", field.name, ": ", type_of(field))), ...);
      },
      Fields<T>::list);
  return names.add(Fields<T>::name, text("{ ", fields, " }"));
}

inline std::string array_type(const std::string& element) {
  return element.find(' ') == std::string::npos ? element + "[]" : "(" + element + ")[]";
}

inline std::string nullable_type(const std::string& type) { return type + " | null"; }

}  // namespace kappa
