#include "keyfob.hpp"

int found_here_too(const char* json);

int found_here_too(const char* json) {
    try {
        static_cast<void>(keyfob::config::from_json(json).value());
    } catch (const keyfob::exception& failed) {
        return static_cast<int>(failed.error().status());
    }
    return 0;
}
