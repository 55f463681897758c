/* Files of one program that include the header: this one with exceptions, another one without. */

#include "tap.hpp"

int found_without_exceptions(const char* json);
int found_here_too(const char* json);

/* What value() ends in, as a function of its own. */
static void (*volatile raises)(const keyfob::error&) = keyfob::detail::raise;

int main(int argc, char** argv) {
    begin(argc, argv);
    bool thrown = false;
    try {
        const auto failed = keyfob::config::from_json("{");
        raises(failed.error());
    } catch (const keyfob::exception&) {
        thrown = true;
    }
    ok(thrown, "value() throws in a file with exceptions");
    ok(found_here_too("{") == KEYFOB_CONFIGURATION, "another such file has the same types");
    ok(found_without_exceptions("{") == KEYFOB_CONFIGURATION, "a file without exceptions has its own");
    return tap_done();
}
