// SPDX-License-Identifier: BSD-2-Clause
//
// The fields, signal sets and places of the state by name, so that a rule reads p[p_pptr] in every interpretation.
// A row of fields.inc each, which says how to add one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace proctor::model {

enum class ProcField : std::uint8_t {
#define PROCESS_FIELD(id, name, type) id,
#include "model/words/fields.inc"
};
enum class LwpField : std::uint8_t {
#define THREAD_FIELD(id, name, type) id,
#include "model/words/fields.inc"
};
enum class ProcSet : std::uint8_t {
#define PROCESS_SET(name) name,
#include "model/words/fields.inc"
};
enum class LwpSet : std::uint8_t {
#define THREAD_SET(name) name,
#include "model/words/fields.inc"
};
// td_at: where a thread is.
enum class At : std::uint8_t {
#define PLACE(id) id,
#include "model/words/fields.inc"
};

#define PROCESS_FIELD(id, name, type) inline constexpr auto name = ProcField::id;
#define THREAD_FIELD(id, name, type) inline constexpr auto name = LwpField::id;
#define PROCESS_SET(name) inline constexpr auto name = ProcSet::name;
#define THREAD_SET(name) inline constexpr auto name = LwpSet::name;
#include "model/words/fields.inc"

constexpr std::string_view field_name(ProcField field) {
  constexpr std::string_view kNames[] = {
#define PROCESS_FIELD(id, name, type) #name,
#include "model/words/fields.inc"
  };
  return kNames[std::size_t(field)];
}
constexpr std::string_view field_name(LwpField field) {
  constexpr std::string_view kNames[] = {
#define THREAD_FIELD(id, name, type) #name,
#include "model/words/fields.inc"
  };
  return kNames[std::size_t(field)];
}
constexpr std::string_view set_name(ProcSet set) {
  constexpr std::string_view kNames[] = {
#define PROCESS_SET(name) #name,
#include "model/words/fields.inc"
  };
  return kNames[std::size_t(set)];
}
constexpr std::string_view set_name(LwpSet set) {
  constexpr std::string_view kNames[] = {
#define THREAD_SET(name) #name,
#include "model/words/fields.inc"
  };
  return kNames[std::size_t(set)];
}
inline constexpr std::string_view kPlaceNames[] = {
#define PLACE(id) #id,
#include "model/words/fields.inc"
};
constexpr std::string_view at_name(At at) { return kPlaceNames[std::size_t(at)]; }

}  // namespace proctor::model
