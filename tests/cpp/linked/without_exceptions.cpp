#include "keyfob.hpp"

int found_without_exceptions(const char* json);

int found_without_exceptions(const char* json) {
    return static_cast<int>(keyfob::config::from_json(json).error().status());
}
