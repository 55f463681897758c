/*
 * Each parameter that must be there, left out in turn, and each text in turn with bytes that are none, for the functions that
 * arguments.c has not. `required ISSUER EMPTY_FOLDER`.
 */

#include "tap.h"

#define NOT_UTF8 "\xc3\x28"

static keyfob_handle *keyfob;
static keyfob_config *config;
static keyfob_config_builder *builder;
static keyfob_registration_builder *registration;
static keyfob_provider_builder *provider;
static keyfob_login_pages *pages;
static keyfob_browser_login *browser;
static keyfob_login_control *control;
static keyfob_login_options *options;
static keyfob_imported_tokens *tokens;
static uint8_t key[KEYFOB_STORE_KEY_LEN];

/* What no call may give out. */
static keyfob_completed *completed;
static keyfob_device_login *device;
static keyfob_config *new_config;
static keyfob_config_builder *new_builder;
static keyfob_registration_builder *new_registration;
static keyfob_provider_builder *new_provider;
static int64_t wait_ms;

/* A call that must be refused, with what its error says. */
static void refused(keyfob_status status, keyfob_error **error, const char *detail) {
    same(keyfob_error_detail(*error), detail, "the detail");
    fails(status, error, KEYFOB_INVALID_ARGUMENT, "InvalidArgument", detail);
}

static keyfob_config_builder *a_builder(void) {
    keyfob_config_builder *made = NULL;
    keyfob_error *error = NULL;
    must(keyfob_config_builder_new("store", &made, &error), &error, "a builder");
    return made;
}

static keyfob_registration_builder *a_registration(void) {
    keyfob_registration_builder *made = NULL;
    keyfob_error *error = NULL;
    must(keyfob_registration_builder_new("r", "oidc", "c", "com.example.notes:/r", &made, &error), &error, "a registration");
    return made;
}

static keyfob_provider_builder *a_provider(void) {
    keyfob_provider_builder *made = NULL;
    keyfob_error *error = NULL;
    must(keyfob_provider_builder_new_oauth2("p", "https://p/a", "https://p/t", "https://p/u", "/id", &made, &error), &error,
         "a provider");
    return made;
}

/* Callbacks that nobody calls. */
static bool open_url(void *context, const char *url) {
    (void)context;
    (void)url;
    return false;
}

static keyfob_store_key_answer give_key(void *context, keyfob_wanted_store_key wanted, uint8_t *room) {
    (void)context;
    (void)wanted;
    (void)room;
    return KEYFOB_STORE_KEY_NOT_NOW;
}

static void show(void *context, const keyfob_device_login *login) {
    (void)context;
    (void)login;
}

static void null_is_named(void) {
    keyfob_error *error = NULL;
    refused(keyfob_login_pages_set_language(NULL, "x", &error), &error, "pages is NULL");
    refused(keyfob_login_pages_set_language(pages, NULL, &error), &error, "tag is NULL");
    refused(keyfob_login_pages_set_right_to_left(NULL, true, &error), &error, "pages is NULL");
    refused(keyfob_login_pages_set_success(NULL, "x", "x", &error), &error, "pages is NULL");
    refused(keyfob_login_pages_set_success(pages, NULL, "x", &error), &error, "title is NULL");
    refused(keyfob_login_pages_set_success(pages, "x", NULL, &error), &error, "words is NULL");
    refused(keyfob_login_pages_set_denied(NULL, "x", "x", &error), &error, "pages is NULL");
    refused(keyfob_login_pages_set_denied(pages, NULL, "x", &error), &error, "title is NULL");
    refused(keyfob_login_pages_set_denied(pages, "x", NULL, &error), &error, "words is NULL");
    refused(keyfob_login_pages_set_failure(NULL, "x", "x", &error), &error, "pages is NULL");
    refused(keyfob_login_pages_set_failure(pages, NULL, "x", &error), &error, "title is NULL");
    refused(keyfob_login_pages_set_failure(pages, "x", NULL, &error), &error, "words is NULL");
    refused(keyfob_browser_login_set_options(NULL, options, &error), &error, "login is NULL");
    refused(keyfob_browser_login_set_options(browser, NULL, &error), &error, "options is NULL");
    refused(keyfob_browser_login_set_pages(NULL, pages, &error), &error, "login is NULL");
    refused(keyfob_browser_login_set_pages(browser, NULL, &error), &error, "pages is NULL");
    refused(keyfob_browser_login_set_time_limit_ms(NULL, 1, &error), &error, "login is NULL");
    refused(keyfob_browser_login_set_browser(NULL, open_url, NULL, NULL, &error), &error, "login is NULL");
    refused(keyfob_browser_login_set_browser(browser, NULL, NULL, NULL, &error), &error, "open is NULL");
    refused(keyfob_browser_login_set_control(NULL, control, &error), &error, "login is NULL");
    refused(keyfob_browser_login_set_control(browser, NULL, &error), &error, "control is NULL");
    refused(keyfob_login_in_browser(NULL, "x", browser, &completed, &error), &error, "handle is NULL");
    refused(keyfob_login_in_browser(keyfob, NULL, browser, &completed, &error), &error, "registration is NULL");
    refused(keyfob_login_in_browser(keyfob, "x", browser, NULL, &error), &error, "completed_out is NULL");
    refused(keyfob_config_set_store_key(NULL, key, sizeof key, &error), &error, "config is NULL");
    refused(keyfob_config_set_store_key(config, NULL, sizeof key, &error), &error, "key is NULL");
    refused(keyfob_config_set_store_key_source(NULL, give_key, NULL, NULL, &error), &error, "config is NULL");
    refused(keyfob_config_set_store_key_source(config, NULL, NULL, NULL, &error), &error, "store_key is NULL");
    refused(keyfob_config_set_device_binding(NULL, key, sizeof key, &error), &error, "config is NULL");
    refused(keyfob_config_builder_new(NULL, &new_builder, &error), &error, "store is NULL");
    refused(keyfob_config_builder_new("x", NULL, &error), &error, "builder_out is NULL");
    refused(keyfob_config_builder_set_plaintext(NULL, true, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_add_registration(NULL, a_registration(), &error), &error, "builder is NULL");
    refused(keyfob_config_builder_add_registration(builder, NULL, &error), &error, "registration is NULL");
    refused(keyfob_config_builder_add_provider(NULL, a_provider(), &error), &error, "builder is NULL");
    refused(keyfob_config_builder_add_provider(builder, NULL, &error), &error, "provider is NULL");
    refused(keyfob_config_builder_set_http_timeouts_ms(NULL, 1, 1, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_ca_certificates(NULL, "x", &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_ca_certificates(builder, NULL, &error), &error, "pem is NULL");
    refused(keyfob_config_builder_set_proxy(NULL, "x", &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_proxy(builder, NULL, &error), &error, "proxy is NULL");
    refused(keyfob_config_builder_set_user_agent(NULL, "x", &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_user_agent(builder, NULL, &error), &error, "user_agent is NULL");
    refused(keyfob_config_builder_set_login_lifetime_ms(NULL, 1, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_coherence_ms(NULL, 1, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_leeway_ms(NULL, 1, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_wait_ms(NULL, 1, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_set_refresh_policy(NULL, 1, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_build(NULL, &new_config, &error), &error, "builder is NULL");
    refused(keyfob_config_builder_build(a_builder(), NULL, &error), &error, "config_out is NULL");
    refused(keyfob_login_control_hand_over(NULL, "x", &error), &error, "control is NULL");
    refused(keyfob_login_control_hand_over(control, NULL, &error), &error, "redirect_url is NULL");
    refused(keyfob_begin_device_login(NULL, "x", options, &device, &error), &error, "handle is NULL");
    refused(keyfob_begin_device_login(keyfob, NULL, options, &device, &error), &error, "registration is NULL");
    refused(keyfob_begin_device_login(keyfob, "x", options, NULL, &error), &error, "login_out is NULL");
    refused(keyfob_find_device_login(NULL, "x", &device, &error), &error, "handle is NULL");
    refused(keyfob_find_device_login(keyfob, NULL, &device, &error), &error, "login_id is NULL");
    refused(keyfob_find_device_login(keyfob, "x", NULL, &error), &error, "login_out is NULL");
    refused(keyfob_poll_device_login(NULL, "x", &wait_ms, &completed, &error), &error, "handle is NULL");
    refused(keyfob_poll_device_login(keyfob, NULL, &wait_ms, &completed, &error), &error, "login_id is NULL");
    refused(keyfob_poll_device_login(keyfob, "x", NULL, &completed, &error), &error, "wait_ms_out is NULL");
    refused(keyfob_poll_device_login(keyfob, "x", &wait_ms, NULL, &error), &error, "completed_out is NULL");
    refused(keyfob_login_on_another_device(NULL, "x", options, show, NULL, control, &completed, &error),
            &error, "handle is NULL");
    refused(keyfob_login_on_another_device(keyfob, NULL, options, show, NULL, control, &completed, &error),
            &error, "registration is NULL");
    refused(keyfob_login_on_another_device(keyfob, "x", options, NULL, NULL, control, &completed, &error),
            &error, "show is NULL");
    refused(keyfob_login_on_another_device(keyfob, "x", options, show, NULL, control, NULL, &error),
            &error, "completed_out is NULL");
    refused(keyfob_complete_login_form(NULL, "x", "x", &completed, &error), &error, "handle is NULL");
    refused(keyfob_complete_login_form(keyfob, NULL, "x", &completed, &error), &error, "url is NULL");
    refused(keyfob_complete_login_form(keyfob, "x", NULL, &completed, &error), &error, "body is NULL");
    refused(keyfob_complete_login_form(keyfob, "x", "x", NULL, &error), &error, "completed_out is NULL");
    refused(keyfob_imported_tokens_set_access_token(NULL, "x", 1, &error), &error, "tokens is NULL");
    refused(keyfob_imported_tokens_set_access_token(tokens, NULL, 1, &error), &error, "token is NULL");
    refused(keyfob_imported_tokens_add_scope(NULL, "x", &error), &error, "tokens is NULL");
    refused(keyfob_imported_tokens_add_scope(tokens, NULL, &error), &error, "scope is NULL");
    refused(keyfob_login_options_set_redirect_port(NULL, 1, &error), &error, "options is NULL");
    refused(keyfob_login_options_set_form_post(NULL, &error), &error, "options is NULL");
    refused(keyfob_providers(NULL, &error), &error, "list_out is NULL");
    refused(keyfob_provider_builder_from_json(NULL, &new_provider, &error), &error, "json is NULL");
    refused(keyfob_provider_builder_from_json("x", NULL, &error), &error, "provider_out is NULL");
    refused(keyfob_provider_builder_new_oauth2(NULL, "x", "x", "x", "x", &new_provider, &error), &error, "id is NULL");
    refused(keyfob_provider_builder_new_oauth2("x", NULL, "x", "x", "x", &new_provider, &error),
            &error, "authorization_endpoint is NULL");
    refused(keyfob_provider_builder_new_oauth2("x", "x", NULL, "x", "x", &new_provider, &error),
            &error, "token_endpoint is NULL");
    refused(keyfob_provider_builder_new_oauth2("x", "x", "x", NULL, "x", &new_provider, &error),
            &error, "userinfo_endpoint is NULL");
    refused(keyfob_provider_builder_new_oauth2("x", "x", "x", "x", NULL, &new_provider, &error), &error, "uid is NULL");
    refused(keyfob_provider_builder_new_oauth2("x", "x", "x", "x", "x", NULL, &error), &error, "provider_out is NULL");
    refused(keyfob_provider_builder_set_name(NULL, "x", &error), &error, "provider is NULL");
    refused(keyfob_provider_builder_set_name(provider, NULL, &error), &error, "name is NULL");
    refused(keyfob_provider_builder_add_name_at(NULL, "x", &error), &error, "provider is NULL");
    refused(keyfob_provider_builder_add_name_at(provider, NULL, &error), &error, "pointer is NULL");
    refused(keyfob_provider_builder_set_email_at(NULL, "x", &error), &error, "provider is NULL");
    refused(keyfob_provider_builder_set_email_at(provider, NULL, &error), &error, "pointer is NULL");
    refused(keyfob_provider_builder_add_avatar_url_at(NULL, "x", &error), &error, "provider is NULL");
    refused(keyfob_provider_builder_add_avatar_url_at(provider, NULL, &error), &error, "pointer is NULL");
    refused(keyfob_provider_builder_add_scope(NULL, "x", &error), &error, "provider is NULL");
    refused(keyfob_provider_builder_add_scope(provider, NULL, &error), &error, "scope is NULL");
    refused(keyfob_provider_builder_set_revocation_endpoint(NULL, "x", &error), &error, "provider is NULL");
    refused(keyfob_provider_builder_set_revocation_endpoint(provider, NULL, &error), &error, "url is NULL");
    refused(keyfob_provider_builder_set_device_authorization_endpoint(NULL, "x", &error), &error, "provider is NULL");
    refused(keyfob_provider_builder_set_device_authorization_endpoint(provider, NULL, &error), &error, "url is NULL");
    refused(keyfob_registration_builder_new(NULL, "x", "x", "x", &new_registration, &error), &error, "id is NULL");
    refused(keyfob_registration_builder_new("x", NULL, "x", "x", &new_registration, &error), &error, "provider is NULL");
    refused(keyfob_registration_builder_new("x", "x", NULL, "x", &new_registration, &error), &error, "client_id is NULL");
    refused(keyfob_registration_builder_new("x", "x", "x", NULL, &new_registration, &error), &error, "redirect_uri is NULL");
    refused(keyfob_registration_builder_new("x", "x", "x", "x", NULL, &error), &error, "registration_out is NULL");
    refused(keyfob_registration_builder_set_client_secret(NULL, "x", &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_set_client_secret(registration, NULL, &error), &error, "secret is NULL");
    refused(keyfob_registration_builder_set_client_secret_post(NULL, &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_set_private_key(NULL, "x", &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_set_private_key(registration, NULL, &error), &error, "pem is NULL");
    refused(keyfob_registration_builder_set_key_id(NULL, "x", &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_set_key_id(registration, NULL, &error), &error, "key_id is NULL");
    refused(keyfob_registration_builder_set_key_algorithm(NULL, 1, &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_add_scope(NULL, "x", &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_add_scope(registration, NULL, &error), &error, "scope is NULL");
    refused(keyfob_registration_builder_add_resource(NULL, "x", &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_add_resource(registration, NULL, &error), &error, "uri is NULL");
    refused(keyfob_registration_builder_set_variable(NULL, "x", "x", &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_set_variable(registration, NULL, "x", &error), &error, "name is NULL");
    refused(keyfob_registration_builder_set_variable(registration, "x", NULL, &error), &error, "value is NULL");
    refused(keyfob_registration_builder_set_enabled(NULL, true, &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_set_refresh_budget(NULL, 1, 1, &error), &error, "registration is NULL");
    refused(keyfob_registration_builder_require_pushed_authorization_requests(NULL, &error), &error, "registration is NULL");
    refused(keyfob_store_key_generate(NULL, sizeof key, &error), &error, "key_out is NULL");
    refused(keyfob_rekey(NULL, key, sizeof key, &error), &error, "handle is NULL");
    refused(keyfob_rekey(keyfob, NULL, sizeof key, &error), &error, "new_key is NULL");
}

static void text_must_be_utf8(void) {
    keyfob_error *error = NULL;
    refused(keyfob_login_pages_set_language(pages, NOT_UTF8, &error), &error, "tag is not UTF-8");
    refused(keyfob_login_pages_set_success(pages, NOT_UTF8, "x", &error), &error, "title is not UTF-8");
    refused(keyfob_login_pages_set_success(pages, "x", NOT_UTF8, &error), &error, "words is not UTF-8");
    refused(keyfob_login_pages_set_denied(pages, NOT_UTF8, "x", &error), &error, "title is not UTF-8");
    refused(keyfob_login_pages_set_denied(pages, "x", NOT_UTF8, &error), &error, "words is not UTF-8");
    refused(keyfob_login_pages_set_failure(pages, NOT_UTF8, "x", &error), &error, "title is not UTF-8");
    refused(keyfob_login_pages_set_failure(pages, "x", NOT_UTF8, &error), &error, "words is not UTF-8");
    refused(keyfob_login_in_browser(keyfob, NOT_UTF8, browser, &completed, &error), &error, "registration is not UTF-8");
    refused(keyfob_config_builder_new(NOT_UTF8, &new_builder, &error), &error, "store is not UTF-8");
    refused(keyfob_config_builder_set_ca_certificates(builder, NOT_UTF8, &error), &error, "pem is not UTF-8");
    refused(keyfob_config_builder_set_proxy(builder, NOT_UTF8, &error), &error, "proxy is not UTF-8");
    refused(keyfob_config_builder_set_user_agent(builder, NOT_UTF8, &error), &error, "user_agent is not UTF-8");
    refused(keyfob_login_control_hand_over(control, NOT_UTF8, &error), &error, "redirect_url is not UTF-8");
    refused(keyfob_begin_device_login(keyfob, NOT_UTF8, options, &device, &error), &error, "registration is not UTF-8");
    refused(keyfob_find_device_login(keyfob, NOT_UTF8, &device, &error), &error, "login_id is not UTF-8");
    refused(keyfob_poll_device_login(keyfob, NOT_UTF8, &wait_ms, &completed, &error), &error, "login_id is not UTF-8");
    refused(keyfob_login_on_another_device(keyfob, NOT_UTF8, options, show, NULL, control, &completed, &error),
            &error, "registration is not UTF-8");
    refused(keyfob_complete_login_form(keyfob, NOT_UTF8, "x", &completed, &error), &error, "url is not UTF-8");
    refused(keyfob_complete_login_form(keyfob, "x", NOT_UTF8, &completed, &error), &error, "body is not UTF-8");
    refused(keyfob_imported_tokens_set_access_token(tokens, NOT_UTF8, 1, &error), &error, "token is not UTF-8");
    refused(keyfob_imported_tokens_add_scope(tokens, NOT_UTF8, &error), &error, "scope is not UTF-8");
    refused(keyfob_provider_builder_from_json(NOT_UTF8, &new_provider, &error), &error, "json is not UTF-8");
    refused(keyfob_provider_builder_new_oauth2(NOT_UTF8, "x", "x", "x", "x", &new_provider, &error), &error, "id is not UTF-8");
    refused(keyfob_provider_builder_new_oauth2("x", NOT_UTF8, "x", "x", "x", &new_provider, &error),
            &error, "authorization_endpoint is not UTF-8");
    refused(keyfob_provider_builder_new_oauth2("x", "x", NOT_UTF8, "x", "x", &new_provider, &error),
            &error, "token_endpoint is not UTF-8");
    refused(keyfob_provider_builder_new_oauth2("x", "x", "x", NOT_UTF8, "x", &new_provider, &error),
            &error, "userinfo_endpoint is not UTF-8");
    refused(keyfob_provider_builder_new_oauth2("x", "x", "x", "x", NOT_UTF8, &new_provider, &error),
            &error, "uid is not UTF-8");
    refused(keyfob_provider_builder_set_name(provider, NOT_UTF8, &error), &error, "name is not UTF-8");
    refused(keyfob_provider_builder_add_name_at(provider, NOT_UTF8, &error), &error, "pointer is not UTF-8");
    refused(keyfob_provider_builder_set_email_at(provider, NOT_UTF8, &error), &error, "pointer is not UTF-8");
    refused(keyfob_provider_builder_add_avatar_url_at(provider, NOT_UTF8, &error), &error, "pointer is not UTF-8");
    refused(keyfob_provider_builder_add_scope(provider, NOT_UTF8, &error), &error, "scope is not UTF-8");
    refused(keyfob_provider_builder_set_revocation_endpoint(provider, NOT_UTF8, &error), &error, "url is not UTF-8");
    refused(keyfob_provider_builder_set_device_authorization_endpoint(provider, NOT_UTF8, &error), &error, "url is not UTF-8");
    refused(keyfob_registration_builder_new(NOT_UTF8, "x", "x", "x", &new_registration, &error), &error, "id is not UTF-8");
    refused(keyfob_registration_builder_new("x", NOT_UTF8, "x", "x", &new_registration, &error),
            &error, "provider is not UTF-8");
    refused(keyfob_registration_builder_new("x", "x", NOT_UTF8, "x", &new_registration, &error),
            &error, "client_id is not UTF-8");
    refused(keyfob_registration_builder_new("x", "x", "x", NOT_UTF8, &new_registration, &error),
            &error, "redirect_uri is not UTF-8");
    refused(keyfob_registration_builder_set_client_secret(registration, NOT_UTF8, &error), &error, "secret is not UTF-8");
    refused(keyfob_registration_builder_set_private_key(registration, NOT_UTF8, &error), &error, "pem is not UTF-8");
    refused(keyfob_registration_builder_set_key_id(registration, NOT_UTF8, &error), &error, "key_id is not UTF-8");
    refused(keyfob_registration_builder_add_scope(registration, NOT_UTF8, &error), &error, "scope is not UTF-8");
    refused(keyfob_registration_builder_add_resource(registration, NOT_UTF8, &error), &error, "uri is not UTF-8");
    refused(keyfob_registration_builder_set_variable(registration, NOT_UTF8, "x", &error), &error, "name is not UTF-8");
    refused(keyfob_registration_builder_set_variable(registration, "x", NOT_UTF8, &error), &error, "value is not UTF-8");
}

int main(int argc, char **argv) {
    if (argc != 3) {
        give_up("usage: required ISSUER EMPTY_FOLDER");
    }
    keyfob_error *error = NULL;
    keyfob = open_config(configure(argv[1], argv[2], "required"));
    config = configure(argv[1], argv[2], "never opened");
    builder = a_builder();
    registration = a_registration();
    provider = a_provider();
    pages = keyfob_login_pages_new("Notes");
    browser = keyfob_browser_login_new();
    control = keyfob_login_control_new();
    options = keyfob_login_options_new();
    must(keyfob_imported_tokens_new(REGISTRATION, "u-1", &tokens, &error), &error, "tokens");
    null_is_named();
    text_must_be_utf8();
    ok(completed == NULL && device == NULL && new_config == NULL && new_builder == NULL && new_registration == NULL
           && new_provider == NULL,
       "nothing was given out");
    keyfob_imported_tokens_free(tokens);
    keyfob_login_options_free(options);
    keyfob_login_control_free(control);
    keyfob_browser_login_free(browser);
    keyfob_login_pages_free(pages);
    keyfob_provider_builder_free(provider);
    keyfob_registration_builder_free(registration);
    keyfob_config_builder_free(builder);
    keyfob_config_free(config);
    keyfob_free(keyfob);
    keyfob_config_builder_free(NULL);
    keyfob_registration_builder_free(NULL);
    keyfob_provider_builder_free(NULL);
    return tap_done();
}
