/* ngx_http_gatehouse_module: nginx's side of the policy enforcement point. It only moves values between
 * nginx and core.h; every decision is made behind that line.
 *
 *   http { gatehouse_state_directory /var/lib/gatehouse/node-state;
 *          server { gatehouse on; location / { proxy_pass http://application; } } }
 *
 * Phases: POST_READ takes the credentials and removes inbound identity headers before anything can read
 * them; PREACCESS decides (it is not subject to `satisfy any`, and it runs again after an internal
 * redirect, on what is then forwarded). A request that was let through stays in a queue for as long as it
 * lives and is decided again there (docs/ARCHITECTURE.md, "Open streams"). docs/guides/own-nginx.md. */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "adapters/nginx/core.h"

typedef struct {
    ngx_str_t state_directory;
    ngx_str_t country_database;
    ngx_int_t allow_sample;
} ngx_http_gatehouse_main_conf_t;

typedef struct {
    ngx_flag_t enabled;
} ngx_http_gatehouse_loc_conf_t;

/* Of a request, or of one subrequest: each is judged for itself. */
typedef struct {
    /* What a tick looks at. */
    ngx_queue_t queue;    /* among the open requests, while `open`; the last one checked is the last */
    gh_basis basis;
    time_t checked_at;
    ngx_http_request_t *request;

    gh_request asked;     /* what was decided last; nothing before */
    u_char address[16];

    /* From here on a context begins with zeros. */
    gh_credentials credentials;
    ngx_table_elt_t *cookie;  /* the only Cookie line; NULL when there are none or several */
    ngx_uint_t cookie_lines;
    gh_text credential_header; /* a header that is not to go on, and what it said */
    gh_text credential_value;
    gh_text certificate;       /* the client's, DER */
    gh_text effect;
    gh_text reason;
    gh_text policy_id;
    gh_text application_id;
    gh_text evidence;
    uint64_t transaction;
    unsigned logged : 1;
    unsigned decided : 1;
    unsigned allowed : 1; /* our headers are in the request */
    unsigned open : 1;
    unsigned certificate_read : 1;
} ngx_http_gatehouse_ctx_t;

typedef enum {
    NGX_HTTP_GATEHOUSE_EFFECT = 0,
    NGX_HTTP_GATEHOUSE_REASON,
    NGX_HTTP_GATEHOUSE_POLICY_ID,
    NGX_HTTP_GATEHOUSE_APPLICATION_ID,
    NGX_HTTP_GATEHOUSE_LOGGED,
    NGX_HTTP_GATEHOUSE_EVIDENCE,
    NGX_HTTP_GATEHOUSE_TRANSACTION
} ngx_http_gatehouse_variable_e;

/* Room for a token in a connection's memo: ours are about 1 KB; larger ones are not remembered there. */
#define NGX_HTTP_GATEHOUSE_MEMO_BYTES 1536

/* Open requests are looked at ten times a second. A decision costs a microsecond or so: after this many
 * the event loop gets a turn before the rest. */
#define NGX_HTTP_GATEHOUSE_TICK 100
#define NGX_HTTP_GATEHOUSE_NEXT_TURN 5
#define NGX_HTTP_GATEHOUSE_CHECKS 2000

/* One a worker process, made in init_process. */
static gh_core *ngx_http_gatehouse_core;
static ngx_queue_t ngx_http_gatehouse_open;
static ngx_event_t ngx_http_gatehouse_tick;

static ngx_int_t ngx_http_gatehouse_add_variables(ngx_conf_t *cf);
static ngx_int_t ngx_http_gatehouse_init(ngx_conf_t *cf);
static void *ngx_http_gatehouse_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_gatehouse_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_gatehouse_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child);
static ngx_int_t ngx_http_gatehouse_init_process(ngx_cycle_t *cycle);
static void ngx_http_gatehouse_exit_process(ngx_cycle_t *cycle);

static ngx_command_t ngx_http_gatehouse_commands[] = {
    { ngx_string("gatehouse_state_directory"),
      NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gatehouse_main_conf_t, state_directory),
      NULL },

    { ngx_string("gatehouse_country_database"),
      NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gatehouse_main_conf_t, country_database),
      NULL },

    { ngx_string("gatehouse_allow_sample"),
      NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_gatehouse_main_conf_t, allow_sample),
      NULL },

    { ngx_string("gatehouse"),
      NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_gatehouse_loc_conf_t, enabled),
      NULL },

    ngx_null_command
};

static ngx_http_module_t ngx_http_gatehouse_module_ctx = {
    ngx_http_gatehouse_add_variables,
    ngx_http_gatehouse_init,
    ngx_http_gatehouse_create_main_conf,
    NULL,
    NULL,
    NULL,
    ngx_http_gatehouse_create_loc_conf,
    ngx_http_gatehouse_merge_loc_conf
};

ngx_module_t ngx_http_gatehouse_module = {
    NGX_MODULE_V1,
    &ngx_http_gatehouse_module_ctx,
    ngx_http_gatehouse_commands,
    NGX_HTTP_MODULE,
    NULL,
    NULL,
    ngx_http_gatehouse_init_process,
    NULL,
    NULL,
    ngx_http_gatehouse_exit_process,
    NULL,
    NGX_MODULE_V1_PADDING
};

/* What nginx's own build generates for a dynamic module. */
ngx_module_t *ngx_modules[] = { &ngx_http_gatehouse_module, NULL };
char *ngx_module_names[] = { "ngx_http_gatehouse_module", NULL };
char *ngx_module_order[] = { NULL };


/* Runs when the request's pool goes: the request is no longer open. */
static void
ngx_http_gatehouse_cleanup(void *data)
{
    ngx_http_gatehouse_ctx_t *ctx = data;

    if (ctx->open) {
        ngx_queue_remove(&ctx->queue);
    }
}


/* Marks the memo in the connection's cleanup list; there is nothing to free. */
static void
ngx_http_gatehouse_memo_cleanup(void *data)
{
    (void) data;
}


/* The context, also after an internal redirect has cleared the module contexts. Subrequests share the
 * pool of their request. */
static ngx_http_gatehouse_ctx_t *
ngx_http_gatehouse_find_ctx(ngx_http_request_t *r)
{
    ngx_http_gatehouse_ctx_t *ctx;
    ngx_pool_cleanup_t       *cln;

    ctx = ngx_http_get_module_ctx(r, ngx_http_gatehouse_module);
    if (ctx != NULL) {
        return ctx;
    }
    for (cln = r->pool->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_gatehouse_cleanup) {
            ctx = cln->data;
            if (ctx->request == r) {
                ngx_http_set_ctx(r, ctx, ngx_http_gatehouse_module);
                return ctx;
            }
        }
    }
    return NULL;
}


static ngx_http_gatehouse_ctx_t *
ngx_http_gatehouse_make_ctx(ngx_http_request_t *r)
{
    ngx_http_gatehouse_ctx_t *ctx;
    ngx_pool_cleanup_t       *cln;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_gatehouse_ctx_t));
    if (cln == NULL) {
        return NULL;
    }
    cln->handler = ngx_http_gatehouse_cleanup;
    ctx = cln->data;
    ngx_memzero(&ctx->credentials,
                sizeof(ngx_http_gatehouse_ctx_t) - offsetof(ngx_http_gatehouse_ctx_t, credentials));
    ctx->request = r;
    ngx_http_set_ctx(r, ctx, ngx_http_gatehouse_module);
    return ctx;
}


/* A subrequest does not pass POST_READ: it has the credentials of its request, and the list of headers
 * that the request had when it began. */
static ngx_http_gatehouse_ctx_t *
ngx_http_gatehouse_make_part_ctx(ngx_http_request_t *r)
{
    ngx_http_gatehouse_ctx_t *ctx, *whole;

    whole = ngx_http_gatehouse_find_ctx(r->main);
    if (whole == NULL) {
        return NULL;
    }
    ctx = ngx_http_gatehouse_make_ctx(r);
    if (ctx != NULL) {
        ctx->credentials = whole->credentials;
        ctx->credential_header = whole->credential_header;
        ctx->credential_value = whole->credential_value;
        ctx->allowed = 1;
    }
    return ctx;
}


static ngx_pool_t *
ngx_http_gatehouse_connection_pool(ngx_http_request_t *r)
{
    return r->stream ? r->stream->connection->connection->pool : r->connection->pool;
}


/* The connection's memo; NULL when it has none. */
static gh_connection_memo *
ngx_http_gatehouse_find_memo(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t *cln;

    for (cln = ngx_http_gatehouse_connection_pool(r)->cleanup; cln != NULL; cln = cln->next) {
        if (cln->handler == ngx_http_gatehouse_memo_cleanup) {
            return cln->data;
        }
    }
    return NULL;
}


/* The same, fetched: its token will be compared in a moment, and another connection's request has used
 * the cache since. */
static gh_connection_memo *
ngx_http_gatehouse_fetch_memo(ngx_http_request_t *r)
{
    gh_connection_memo *memo;
    size_t              i;

    memo = ngx_http_gatehouse_find_memo(r);
    if (memo != NULL) {
        for (i = 0; i < memo->size; i += 64) {
            __builtin_prefetch(memo->token + i);
        }
    }
    return memo;
}


/* Where the digest of a token is to be remembered, made with the first token that the connection carries;
 * NULL when there is nothing to remember, or no memory. */
static gh_connection_memo *
ngx_http_gatehouse_memo(ngx_http_request_t *r, const gh_credentials *credentials)
{
    ngx_pool_cleanup_t *cln;
    gh_connection_memo *memo;

    if (credentials->token_count == 0 || credentials->digested != 0) {
        return NULL;
    }
    memo = ngx_http_gatehouse_find_memo(r);
    if (memo != NULL) {
        return memo;
    }
    cln = ngx_pool_cleanup_add(ngx_http_gatehouse_connection_pool(r),
                               sizeof(gh_connection_memo) + NGX_HTTP_GATEHOUSE_MEMO_BYTES);
    if (cln == NULL) {
        return NULL;
    }
    cln->handler = ngx_http_gatehouse_memo_cleanup;
    memo = cln->data;
    ngx_memzero(memo, sizeof(gh_connection_memo));
    memo->token = (char *) (memo + 1);
    memo->capacity = NGX_HTTP_GATEHOUSE_MEMO_BYTES;
    return memo;
}


static ngx_int_t
ngx_http_gatehouse_is_named(const ngx_table_elt_t *h, gh_text lowcase)
{
    return h->key.len == lowcase.size
           && ngx_memcmp(h->lowcase_key, lowcase.data, lowcase.size) == 0;
}


static ngx_int_t
ngx_http_gatehouse_is_cookie(const ngx_table_elt_t *h)
{
    return h->key.len == sizeof("cookie") - 1
           && ngx_memcmp(h->lowcase_key, "cookie", sizeof("cookie") - 1) == 0;
}


static void
ngx_http_gatehouse_collect(ngx_http_gatehouse_ctx_t *ctx, gh_header_kind kind, const ngx_table_elt_t *h)
{
    gh_credentials *credentials = &ctx->credentials;
    gh_text         value;

    value.data = (const char *) h->value.data;
    value.size = h->value.len;
    switch (kind) {
    case GH_HEADER_ACCESS_TOKEN:
        credentials->header_token = value;
        credentials->header_token_count++;
        break;
    case GH_HEADER_CLIENT_ID:
        credentials->client_id = value;
        credentials->client_id_count++;
        break;
    case GH_HEADER_CLIENT_SECRET:
        credentials->client_secret = value;
        credentials->client_secret_count++;
        break;
    default:
        break;
    }
}


/* Reads the credentials and says how many headers are not to go on. */
static ngx_uint_t
ngx_http_gatehouse_scan(ngx_http_request_t *r, ngx_http_gatehouse_ctx_t *ctx,
                        const gh_connection_memo *memo)
{
    ngx_list_part_t *part;
    ngx_table_elt_t *h;
    ngx_uint_t       i, unwanted;
    gh_header_kind   kind;

    unwanted = 0;
    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (gh_is_plainly_foreign((const char *) h[i].lowcase_key, h[i].key.len)) {
                if (ngx_http_gatehouse_is_cookie(&h[i])) {
                    gh_collect_cookies((const char *) h[i].value.data, h[i].value.len, memo,
                                       &ctx->credentials);
                    ctx->cookie = ctx->cookie_lines++ == 0 ? &h[i] : NULL;
                }
                continue;
            }
            kind = gh_classify_header((const char *) h[i].lowcase_key, h[i].key.len);
            if (kind != GH_HEADER_FOREIGN) {
                ngx_http_gatehouse_collect(ctx, kind, &h[i]);
                unwanted++;
            }
        }
    }
    return unwanted;
}


/* A Cookie line without our cookies: `kept` is the element with what remains; NGX_DECLINED when
 * nothing does. */
static ngx_int_t
ngx_http_gatehouse_without_cookies(ngx_http_request_t *r, ngx_table_elt_t *kept)
{
    const char *line;
    size_t      left;
    u_char     *out;

    line = (const char *) kept->value.data;
    if (!gh_strip_cookies(line, kept->value.len, NULL, &left)) {
        return NGX_OK;
    }
    if (left == 0) {
        return NGX_DECLINED;
    }
    out = ngx_pnalloc(r->pool, left);
    if (out == NULL) {
        return NGX_ERROR;
    }
    gh_strip_cookies(line, kept->value.len, (char *) out, &left);
    kept->value.data = out;
    kept->value.len = left;
    return NGX_OK;
}


typedef enum {
    NGX_HTTP_GATEHOUSE_IDENTITY = 1,  /* without headers that could be taken for an identity */
    NGX_HTTP_GATEHOUSE_COOKIES = 2,   /* without our cookies */
    NGX_HTTP_GATEHOUSE_CREDENTIAL = 4 /* without the header that held service credentials */
} ngx_http_gatehouse_unwanted_e;

/* Makes the list of request headers anew without what is unwanted, with room for ours. Elements are
 * copied: pointers that nginx keeps to the old ones stay good. */
static ngx_int_t
ngx_http_gatehouse_rebuild(ngx_http_request_t *r, const ngx_http_gatehouse_ctx_t *ctx,
                           ngx_uint_t unwanted)
{
    ngx_list_t       old;
    ngx_list_part_t *part;
    ngx_table_elt_t *h, *kept, element;
    ngx_uint_t       i, count;
    ngx_int_t        rc;

    old = r->headers_in.headers;
    count = 0;
    for (part = &old.part; part != NULL; part = part->next) {
        count += part->nelts;
    }
    if (ngx_list_init(&r->headers_in.headers, r->pool, count + 6, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }
    for (part = &old.part; part != NULL; part = part->next) {
        h = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if ((unwanted & NGX_HTTP_GATEHOUSE_IDENTITY)
                && gh_classify_header((const char *) h[i].lowcase_key, h[i].key.len)
                       != GH_HEADER_FOREIGN)
            {
                continue;
            }
            if ((unwanted & NGX_HTTP_GATEHOUSE_CREDENTIAL)
                && ngx_http_gatehouse_is_named(&h[i], ctx->credential_header))
            {
                continue;
            }
            element = h[i];
            if ((unwanted & NGX_HTTP_GATEHOUSE_COOKIES)
                && ngx_http_gatehouse_is_cookie(&element))
            {
                rc = ngx_http_gatehouse_without_cookies(r, &element);
                if (rc == NGX_ERROR) {
                    return NGX_ERROR;
                }
                if (rc == NGX_DECLINED) {
                    continue;
                }
            }
            kept = ngx_list_push(&r->headers_in.headers);
            if (kept == NULL) {
                return NGX_ERROR;
            }
            *kept = element;
        }
    }
    return NGX_OK;
}


/* A header of ours, in both spellings; the hash is computed once, with the configuration. */
typedef struct {
    ngx_str_t  name;
    ngx_str_t  lowcase;
    ngx_uint_t hash;
} ngx_http_gatehouse_header_t;

static ngx_http_gatehouse_header_t ngx_http_gatehouse_assertion_header = {
    ngx_string("Cf-Access-Jwt-Assertion"), ngx_string("cf-access-jwt-assertion"), 0
};
static ngx_http_gatehouse_header_t ngx_http_gatehouse_email_header = {
    ngx_string("Cf-Access-Authenticated-User-Email"),
    ngx_string("cf-access-authenticated-user-email"), 0
};
static ngx_http_gatehouse_header_t ngx_http_gatehouse_policy_id_header = {
    ngx_string("Gatehouse-Policy-Id"), ngx_string("gatehouse-policy-id"), 0
};
static ngx_http_gatehouse_header_t ngx_http_gatehouse_policy_name_header = {
    ngx_string("Gatehouse-Policy-Name"), ngx_string("gatehouse-policy-name"), 0
};
static ngx_http_gatehouse_header_t ngx_http_gatehouse_device_id_header = {
    ngx_string("Gatehouse-Device-Id"), ngx_string("gatehouse-device-id"), 0
};
static ngx_http_gatehouse_header_t ngx_http_gatehouse_request_id_header = {
    ngx_string("Gatehouse-Request-Id"), ngx_string("gatehouse-request-id"), 0
};
static ngx_http_gatehouse_header_t *ngx_http_gatehouse_headers[] = {
    &ngx_http_gatehouse_assertion_header,   &ngx_http_gatehouse_email_header,
    &ngx_http_gatehouse_policy_id_header,   &ngx_http_gatehouse_policy_name_header,
    &ngx_http_gatehouse_device_id_header,   &ngx_http_gatehouse_request_id_header
};


static ngx_str_t
ngx_http_gatehouse_str(gh_text text)
{
    ngx_str_t result;

    result.data = (u_char *) text.data;
    result.len = text.size;
    return result;
}


static void
ngx_http_gatehouse_fill(ngx_table_elt_t *h, const ngx_http_gatehouse_header_t *header, gh_text value)
{
    h->key = header->name;
    h->lowcase_key = header->lowcase.data;
    h->hash = header->hash;
    h->value = ngx_http_gatehouse_str(value);
}


static ngx_int_t
ngx_http_gatehouse_add(ngx_http_request_t *r, const ngx_http_gatehouse_header_t *header,
                       gh_text value)
{
    ngx_table_elt_t *h;

    if (value.size == 0) {
        return NGX_OK;
    }
    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }
    ngx_memzero(h, sizeof(ngx_table_elt_t));
    ngx_http_gatehouse_fill(h, header, value);
    return NGX_OK;
}


static ngx_int_t
ngx_http_gatehouse_post_read_handler(ngx_http_request_t *r)
{
    ngx_http_gatehouse_main_conf_t *mcf;
    ngx_http_gatehouse_ctx_t       *ctx;
    gh_connection_memo             *memo;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_gatehouse_module);
    if (mcf->state_directory.len == 0 || ngx_http_gatehouse_find_ctx(r) != NULL) {
        return NGX_DECLINED;
    }
    memo = ngx_http_gatehouse_fetch_memo(r);
    ctx = ngx_http_gatehouse_make_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (ngx_http_gatehouse_scan(r, ctx, memo) > 0) {
        ctx->cookie = NULL; /* its element moves */
        if (ngx_http_gatehouse_rebuild(r, ctx, NGX_HTTP_GATEHOUSE_IDENTITY) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return NGX_DECLINED;
}


static void *
ngx_http_gatehouse_allocate(void *pool, size_t size)
{
    return ngx_pnalloc(pool, size);
}


static gh_text
ngx_http_gatehouse_text(ngx_str_t text)
{
    gh_text result;

    result.data = (const char *) text.data;
    result.size = text.len;
    return result;
}


static void
ngx_http_gatehouse_address(ngx_http_request_t *r, ngx_http_gatehouse_ctx_t *ctx)
{
    struct sockaddr *sa;

    sa = r->connection->sockaddr;
    ctx->asked.address = ctx->address;
    ctx->asked.address_size = sizeof(ctx->address);
    ngx_memzero(ctx->address, sizeof(ctx->address));
    if (sa->sa_family == AF_INET) {
        ngx_memcpy(ctx->address, &((struct sockaddr_in *) sa)->sin_addr, 4);
        ctx->asked.address_size = 4;
    } else if (sa->sa_family == AF_INET6) {
        ngx_memcpy(ctx->address, &((struct sockaddr_in6 *) sa)->sin6_addr, 16);
    }
}


static gh_text
ngx_http_gatehouse_find_only_header(ngx_http_gatehouse_ctx_t *ctx, gh_text wanted)
{
    ngx_list_part_t *part;
    ngx_table_elt_t *h, *found;
    ngx_uint_t       i;
    gh_text          none = { NULL, 0 };

    if (wanted.size == ctx->credential_header.size && wanted.size > 0
        && ngx_strncmp(wanted.data, ctx->credential_header.data, wanted.size) == 0)
    {
        return ctx->credential_value; /* taken out of the request by an earlier decision */
    }
    found = NULL;
    for (part = &ctx->request->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_gatehouse_is_named(&h[i], wanted)) {
                if (found != NULL) {
                    return none;
                }
                found = &h[i];
            }
        }
    }
    return found == NULL ? none : ngx_http_gatehouse_text(found->value);
}


/* gh_lookup */
static gh_text
ngx_http_gatehouse_only_header(void *source, const char *name)
{
    gh_text wanted;

    wanted.data = name;
    wanted.size = ngx_strlen(name);
    return ngx_http_gatehouse_find_only_header(source, wanted);
}


/* gh_lookup: the client's certificate, whatever nginx thought of it. */
static gh_text
ngx_http_gatehouse_certificate(void *source)
{
    ngx_http_gatehouse_ctx_t *ctx = source;

#if (NGX_HTTP_SSL)
    ngx_connection_t *c;
    X509             *certificate;
    u_char           *der;
    int               size;

    c = ctx->request->connection;
    if (ctx->certificate_read || c->ssl == NULL) {
        return ctx->certificate;
    }
    ctx->certificate_read = 1;
#if (OPENSSL_VERSION_NUMBER >= 0x30000000L)
    certificate = SSL_get1_peer_certificate(c->ssl->connection);
#else
    certificate = SSL_get_peer_certificate(c->ssl->connection);
#endif
    if (certificate == NULL) {
        return ctx->certificate;
    }
    size = i2d_X509(certificate, NULL);
    der = size > 0 ? ngx_pnalloc(ctx->request->pool, (size_t) size) : NULL;
    if (der != NULL) {
        ctx->certificate.data = (const char *) der;
        ctx->certificate.size = (size_t) i2d_X509(certificate, &der);
    }
    X509_free(certificate);
    ERR_clear_error();
#endif
    return ctx->certificate;
}


/* The first header of that name; what follows is only read for requests that are not let through. */
static gh_text
ngx_http_gatehouse_header(ngx_http_request_t *r, const char *lowcase)
{
    ngx_list_part_t *part;
    ngx_table_elt_t *h;
    ngx_uint_t       i;
    gh_text          wanted, none = { NULL, 0 };

    wanted.data = lowcase;
    wanted.size = ngx_strlen(lowcase);
    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_gatehouse_is_named(&h[i], wanted)) {
                return ngx_http_gatehouse_text(h[i].value);
            }
        }
    }
    return none;
}


static gh_text
ngx_http_gatehouse_variable_text(ngx_http_request_t *r, const char *name)
{
    ngx_str_t                  key;
    ngx_http_variable_value_t *value;
    gh_text                    result = { NULL, 0 };

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);
    value = ngx_http_get_variable(r, &key, ngx_hash_key(key.data, key.len));
    if (value != NULL && !value->not_found) {
        result.data = (const char *) value->data;
        result.size = value->len;
    }
    return result;
}


static ngx_int_t
ngx_http_gatehouse_add_out(ngx_http_request_t *r, const gh_header *header)
{
    ngx_table_elt_t *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }
    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;
    h->key = ngx_http_gatehouse_str(header->name);
    h->value = ngx_http_gatehouse_str(header->value);
    return NGX_OK;
}


static ngx_int_t
ngx_http_gatehouse_refuse(ngx_http_request_t *r, const gh_request *request)
{
    gh_particulars            particulars;
    gh_response               response;
    ngx_http_complex_value_t  body;
    ngx_str_t                 type;
    ngx_int_t                 rc;
    size_t                    i;

    ngx_memzero(&particulars, sizeof(particulars));
    particulars.method = ngx_http_gatehouse_text(r->method_name);
    particulars.sec_fetch_mode = ngx_http_gatehouse_header(r, "sec-fetch-mode");
    particulars.accept = ngx_http_gatehouse_header(r, "accept");
    particulars.x_requested_with = ngx_http_gatehouse_header(r, "x-requested-with");
    particulars.upgrade = ngx_http_gatehouse_header(r, "upgrade");
    particulars.content_type = ngx_http_gatehouse_header(r, "content-type");
    particulars.origin = ngx_http_gatehouse_header(r, "origin");
    particulars.access_control_request_method =
        ngx_http_gatehouse_header(r, "access-control-request-method");
    particulars.access_control_request_headers =
        ngx_http_gatehouse_header(r, "access-control-request-headers");
    particulars.app_session = ngx_http_gatehouse_variable_text(r, "cookie_cf_appsession");
    particulars.request_id = ngx_http_gatehouse_variable_text(r, "request_id");
    particulars.accept_language = ngx_http_gatehouse_header(r, "accept-language");

    if (ngx_http_gatehouse_core == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    gh_respond(ngx_http_gatehouse_core, request, &particulars, ngx_http_gatehouse_allocate, r->pool,
               &response);
    for (i = 0; i < response.header_count; i++) {
        if (ngx_http_gatehouse_add_out(r, &response.headers[i]) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    if (response.location.size > 0) {
        r->headers_out.location = ngx_list_push(&r->headers_out.headers);
        if (r->headers_out.location == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
        ngx_memzero(r->headers_out.location, sizeof(ngx_table_elt_t));
        r->headers_out.location->hash = 1;
        ngx_str_set(&r->headers_out.location->key, "Location");
        r->headers_out.location->value = ngx_http_gatehouse_str(response.location);
        return NGX_HTTP_MOVED_TEMPORARILY;
    }
    if (response.body.size == 0) {
        return response.status;
    }
    /* Refused: whoever waits for `100 Continue` keeps the body. */
    r->expect_tested = 1;
    ngx_memzero(&body, sizeof(body));
    body.value = ngx_http_gatehouse_str(response.body);
    type = ngx_http_gatehouse_str(response.content_type);
    rc = ngx_http_send_response(r, (ngx_uint_t) response.status, &type, &body);
    ngx_http_finalize_request(r, rc);
    return NGX_DONE;
}


/* Takes our cookies and the service credentials out of the request and puts the assertion and the
 * address in. */
static ngx_int_t
ngx_http_gatehouse_forward(ngx_http_request_t *r, ngx_http_gatehouse_ctx_t *ctx,
                           const gh_verdict *verdict)
{
    ngx_uint_t unwanted;

    if (ctx->cookie != NULL && ctx->credentials.foreign_cookies == 0
        && verdict->assertion.size > 0 && verdict->credential_header.size == 0)
    {
        /* The usual request: one Cookie line with nothing but ours. The assertion takes its place. */
        ngx_http_gatehouse_fill(ctx->cookie, &ngx_http_gatehouse_assertion_header,
                                verdict->assertion);
#if (nginx_version >= 1023000)
        r->headers_in.cookie = NULL;
#else
        r->headers_in.cookies.nelts = 0;
#endif
        ctx->cookie = NULL;
        ctx->allowed = 1;
        return ngx_http_gatehouse_add(r, &ngx_http_gatehouse_email_header, verdict->email);
    }
    /* POST_READ has removed identity headers; the ones to remove now are ours, of an earlier decision
     * on the same request. */
    unwanted = ctx->credentials.own_cookies > 0 ? NGX_HTTP_GATEHOUSE_COOKIES : 0;
    if (ctx->allowed) {
        unwanted |= NGX_HTTP_GATEHOUSE_IDENTITY;
    }
    if (verdict->credential_header.size > 0) {
        unwanted |= NGX_HTTP_GATEHOUSE_CREDENTIAL;
        ctx->credential_value =
            ngx_http_gatehouse_find_only_header(ctx, verdict->credential_header);
        ctx->credential_header = verdict->credential_header;
        if (r->headers_in.authorization != NULL
            && ngx_http_gatehouse_is_named(r->headers_in.authorization, ctx->credential_header))
        {
            r->headers_in.authorization = NULL;
        }
    }
    ctx->cookie = NULL;
    ctx->allowed = 1;
    if (unwanted != 0 && ngx_http_gatehouse_rebuild(r, ctx, unwanted) != NGX_OK) {
        return NGX_ERROR;
    }
    if (ngx_http_gatehouse_add(r, &ngx_http_gatehouse_assertion_header, verdict->assertion) != NGX_OK)
    {
        return NGX_ERROR;
    }
    return ngx_http_gatehouse_add(r, &ngx_http_gatehouse_email_header, verdict->email);
}


static ngx_int_t
ngx_http_gatehouse_own(ngx_pool_t *pool, gh_text *text)
{
    u_char *copy;

    if (text->size == 0) {
        return NGX_OK;
    }
    copy = ngx_pnalloc(pool, text->size);
    if (copy == NULL) {
        return NGX_ERROR;
    }
    ngx_memcpy(copy, text->data, text->size);
    text->data = (const char *) copy;
    return NGX_OK;
}


/* INVARIANT: what is decided again is what was asked. Texts of a request lie in its header buffer, which
 * nothing changes, but for one case: nginx reads what a client sends after an upgrade into it when the
 * client had begun to send early. So a request that can be upgraded gets copies. */
static ngx_int_t
ngx_http_gatehouse_own_texts(ngx_http_request_t *r, ngx_http_gatehouse_ctx_t *ctx)
{
    gh_credentials *credentials = &ctx->credentials;
    size_t          i;

    for (i = 0; i < credentials->token_count; i++) {
        if (ngx_http_gatehouse_own(r->pool, &credentials->tokens[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }
    if (ngx_http_gatehouse_own(r->pool, &credentials->binding) != NGX_OK
        || ngx_http_gatehouse_own(r->pool, &credentials->header_token) != NGX_OK
        || ngx_http_gatehouse_own(r->pool, &credentials->client_id) != NGX_OK
        || ngx_http_gatehouse_own(r->pool, &credentials->client_secret) != NGX_OK
        || ngx_http_gatehouse_own(r->pool, &ctx->credential_value) != NGX_OK
        || ngx_http_gatehouse_own(r->pool, &ctx->asked.host) != NGX_OK)
    {
        return NGX_ERROR;
    }
    return ngx_http_gatehouse_own(r->pool, &ctx->asked.target);
}


/* From here on the request is open. */
static ngx_int_t
ngx_http_gatehouse_watch(ngx_http_request_t *r, ngx_http_gatehouse_ctx_t *ctx,
                         const gh_verdict *verdict)
{
    if (r->headers_in.upgrade != NULL && ngx_http_gatehouse_own_texts(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }
    ctx->basis = verdict->basis;
    ctx->checked_at = ngx_time();
    ctx->open = 1;
    ngx_queue_insert_tail(&ngx_http_gatehouse_open, &ctx->queue);
    if (!ngx_http_gatehouse_tick.timer_set) {
        ngx_add_timer(&ngx_http_gatehouse_tick, NGX_HTTP_GATEHOUSE_TICK);
    }
    return NGX_OK;
}


static void
ngx_http_gatehouse_unwatch(ngx_http_gatehouse_ctx_t *ctx)
{
    if (ctx->open) {
        ngx_queue_remove(&ctx->queue);
        ctx->open = 0;
    }
}


/* As nginx ends the requests of a worker that has to go: whatever the request is doing, the handler of
 * its connection releases what it holds (upstream, file, timers) and closes. In HTTP/2 that connection is
 * the stream's own, and no other stream notices. Posted, so that it happens outside of our walk. */
static void
ngx_http_gatehouse_end(ngx_http_gatehouse_ctx_t *ctx, gh_text reason)
{
    static const char         effect[] = "ended";
    ngx_http_request_t       *r;
    ngx_connection_t         *c;
    ngx_http_gatehouse_ctx_t *whole;

    r = ctx->request->main;
    c = r->connection;
    ngx_http_gatehouse_unwatch(ctx);
    ngx_log_error(NGX_LOG_INFO, c->log, 0, "gatehouse: request ended, it has lost its right: %*s",
                  reason.size, reason.data);
    whole = ngx_http_gatehouse_find_ctx(r);
    if (whole != NULL) {
        whole->effect.data = effect;
        whole->effect.size = sizeof(effect) - 1;
        whole->reason = reason;
        whole->logged = 1;
        whole->decided = 1;
    }
    if (r->headers_out.status == 0) {
        r->headers_out.status = NGX_HTTP_CLOSE; /* nothing was sent */
    }
    c->close = 1;
    c->error = 1;
    ngx_post_event(c->read, &ngx_posted_events);
}


static void
ngx_http_gatehouse_check(ngx_http_gatehouse_ctx_t *ctx, time_t now)
{
    ngx_http_request_t *r;
    gh_text             reason;

    r = ctx->request;
    if (r->done || r->main->done || r->connection->error) {
        ngx_http_gatehouse_unwatch(ctx); /* over already; only its memory is still there */
        return;
    }
    ctx->asked.now = now;
    if (!gh_still_allowed(ngx_http_gatehouse_core, &ctx->asked, &ctx->basis, &reason)) {
        ngx_http_gatehouse_end(ctx, reason);
        return;
    }
    ctx->checked_at = now;
    ngx_queue_remove(&ctx->queue);
    ngx_queue_insert_tail(&ngx_http_gatehouse_open, &ctx->queue);
}


/* Every open request is decided again once a second, and when what its decision stands on has moved. */
static void
ngx_http_gatehouse_tick_handler(ngx_event_t *ev)
{
    ngx_http_gatehouse_ctx_t *ctx;
    ngx_queue_t              *q, *next, *last;
    ngx_uint_t                checks;
    ngx_msec_t                pause;
    time_t                    now;

    if (ngx_queue_empty(&ngx_http_gatehouse_open) || ngx_http_gatehouse_core == NULL) {
        return; /* the next request that is let through sets the timer */
    }
    now = ngx_time();
    gh_refresh(ngx_http_gatehouse_core, now);
    checks = 0;
    pause = NGX_HTTP_GATEHOUSE_TICK;
    last = ngx_queue_last(&ngx_http_gatehouse_open);
    q = ngx_queue_head(&ngx_http_gatehouse_open);
    for (;; q = next) {
        next = ngx_queue_next(q);
        ctx = ngx_queue_data(q, ngx_http_gatehouse_ctx_t, queue);
        if (ctx->checked_at != now || gh_basis_moved(ngx_http_gatehouse_core, &ctx->basis)) {
            if (checks++ == NGX_HTTP_GATEHOUSE_CHECKS) {
                pause = NGX_HTTP_GATEHOUSE_NEXT_TURN;
                break;
            }
            ngx_http_gatehouse_check(ctx, now);
        }
        if (q == last) {
            break;
        }
    }
    ngx_add_timer(ev, pause);
}


static ngx_int_t
ngx_http_gatehouse_preaccess_handler(ngx_http_request_t *r)
{
    ngx_http_gatehouse_loc_conf_t *lcf;
    ngx_http_gatehouse_ctx_t      *ctx;
    gh_request                    *request;
    gh_verdict                     verdict;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_gatehouse_module);
    if (!lcf->enabled) {
        return NGX_DECLINED;
    }
    ctx = ngx_http_gatehouse_find_ctx(r);
    if (ctx == NULL && r != r->main) {
        ctx = ngx_http_gatehouse_make_part_ctx(r);
    }
    if (ctx == NULL || ngx_http_gatehouse_core == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    ngx_http_gatehouse_unwatch(ctx); /* from before an internal redirect */
    request = &ctx->asked;
    request->memo = ngx_http_gatehouse_memo(r, &ctx->credentials);
    request->host = ngx_http_gatehouse_text(r->headers_in.server);
    /* What proxy_pass without a URI forwards. */
    request->target = ngx_http_gatehouse_text(r->valid_unparsed_uri ? r->unparsed_uri : r->uri);
    ngx_http_gatehouse_address(r, ctx);
    request->now = ngx_time();
    request->is_options = r->method == NGX_HTTP_OPTIONS;
    request->certificate_unknown = 0;
    request->credentials = &ctx->credentials;
    request->lookup.header = ngx_http_gatehouse_only_header;
    request->lookup.certificate = ngx_http_gatehouse_certificate;
    request->lookup.source = ctx;

    gh_decide(ngx_http_gatehouse_core, request, ngx_http_gatehouse_allocate, r->pool, &verdict);

    ctx->decided = 1;
    ctx->logged = verdict.logged ? 1 : 0;
    ctx->effect = verdict.effect;
    ctx->reason = verdict.reason;
    ctx->policy_id = verdict.policy_id;
    ctx->application_id = verdict.application_id;
    ctx->evidence = verdict.evidence;
    ctx->transaction = verdict.transaction;
    if (!verdict.pass) {
        return ngx_http_gatehouse_refuse(r, request);
    }
    if (ngx_http_gatehouse_forward(r, ctx, &verdict) != NGX_OK
        || ngx_http_gatehouse_watch(r, ctx, &verdict) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (verdict.decision_headers
        && (ngx_http_gatehouse_add(r, &ngx_http_gatehouse_policy_id_header,
                                   verdict.policy_id) != NGX_OK
            || ngx_http_gatehouse_add(r, &ngx_http_gatehouse_policy_name_header,
                                      verdict.policy_name) != NGX_OK
            || ngx_http_gatehouse_add(r, &ngx_http_gatehouse_device_id_header,
                                      verdict.device_id) != NGX_OK
            || ngx_http_gatehouse_add(r, &ngx_http_gatehouse_request_id_header,
                                      ngx_http_gatehouse_variable_text(r, "request_id"))
                   != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_gatehouse_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_gatehouse_ctx_t *ctx;
    gh_text                   value = { NULL, 0 };
    u_char                   *digits;

    ctx = ngx_http_gatehouse_find_ctx(r);
    if (ctx == NULL && r != r->main) {
        ctx = ngx_http_gatehouse_find_ctx(r->main);
    }
    if (ctx != NULL && ctx->decided) {
        switch ((ngx_http_gatehouse_variable_e) data) {
        case NGX_HTTP_GATEHOUSE_EFFECT:
            value = ctx->effect;
            break;
        case NGX_HTTP_GATEHOUSE_REASON:
            value = ctx->reason;
            break;
        case NGX_HTTP_GATEHOUSE_POLICY_ID:
            value = ctx->policy_id;
            break;
        case NGX_HTTP_GATEHOUSE_APPLICATION_ID:
            value = ctx->application_id;
            break;
        case NGX_HTTP_GATEHOUSE_LOGGED:
            value.data = ctx->logged ? "1" : "0";
            value.size = 1;
            break;
        case NGX_HTTP_GATEHOUSE_EVIDENCE:
            value = ctx->evidence;
            break;
        case NGX_HTTP_GATEHOUSE_TRANSACTION:
            digits = ngx_pnalloc(r->pool, NGX_INT64_LEN);
            if (digits == NULL) {
                return NGX_ERROR;
            }
            value.data = (const char *) digits;
            value.size = (size_t) (ngx_sprintf(digits, "%uL", ctx->transaction) - digits);
            break;
        }
    }
    if (value.size == 0) {
        v->not_found = 1;
        return NGX_OK;
    }
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = (u_char *) value.data;
    v->len = (unsigned) value.size & 0xfffffff;
    return NGX_OK;
}


static ngx_int_t
ngx_http_gatehouse_add_variables(ngx_conf_t *cf)
{
    static const char *names[] = { "gatehouse_effect", "gatehouse_reason", "gatehouse_policy_id",
                                   "gatehouse_application_id", "gatehouse_logged",
                                   "gatehouse_evidence", "gatehouse_transaction" };
    ngx_http_variable_t *variable;
    ngx_str_t            name;
    ngx_uint_t           i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        name.data = (u_char *) names[i];
        name.len = ngx_strlen(names[i]);
        variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (variable == NULL) {
            return NGX_ERROR;
        }
        variable->get_handler = ngx_http_gatehouse_variable;
        variable->data = i;
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_gatehouse_init(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_handler_pt         *handler;
    ngx_http_gatehouse_header_t *header;
    ngx_uint_t                   i;

    for (i = 0; i < sizeof(ngx_http_gatehouse_headers) / sizeof(ngx_http_gatehouse_headers[0]); i++) {
        header = ngx_http_gatehouse_headers[i];
        header->hash = ngx_hash_key(header->lowcase.data, header->lowcase.len);
    }
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    handler = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (handler == NULL) {
        return NGX_ERROR;
    }
    *handler = ngx_http_gatehouse_post_read_handler;
    handler = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (handler == NULL) {
        return NGX_ERROR;
    }
    *handler = ngx_http_gatehouse_preaccess_handler;
    return NGX_OK;
}


static void *
ngx_http_gatehouse_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_gatehouse_main_conf_t *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gatehouse_main_conf_t));
    if (conf == NULL) {
        return NULL;
    }
    conf->allow_sample = NGX_CONF_UNSET;
    return conf;
}


static void *
ngx_http_gatehouse_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_gatehouse_loc_conf_t *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_gatehouse_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }
    conf->enabled = NGX_CONF_UNSET;
    return conf;
}


static char *
ngx_http_gatehouse_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_gatehouse_main_conf_t *mcf;
    ngx_http_gatehouse_loc_conf_t  *prev = parent;
    ngx_http_gatehouse_loc_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enabled, prev->enabled, 0);
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_gatehouse_module);
    if (conf->enabled && mcf->state_directory.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"gatehouse on\" needs \"gatehouse_state_directory\" in the http block");
        return NGX_CONF_ERROR;
    }
    return NGX_CONF_OK;
}


static void
ngx_http_gatehouse_log(void *log, const char *message)
{
    ngx_log_error(NGX_LOG_ERR, (ngx_log_t *) log, 0, "gatehouse: %s", message);
}


static ngx_int_t
ngx_http_gatehouse_init_process(ngx_cycle_t *cycle)
{
    ngx_http_gatehouse_main_conf_t *mcf;
    gh_options                      options;
    static ngx_connection_t         none; /* the tick's, for nginx's debug log */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) {
        return NGX_OK;
    }
    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_gatehouse_module);
    if (mcf == NULL || mcf->state_directory.len == 0) {
        return NGX_OK;
    }
    none.fd = (ngx_socket_t) -1;
    ngx_queue_init(&ngx_http_gatehouse_open);
    ngx_http_gatehouse_tick.handler = ngx_http_gatehouse_tick_handler;
    ngx_http_gatehouse_tick.data = &none;
    ngx_http_gatehouse_tick.log = cycle->log;
    ngx_http_gatehouse_tick.cancelable = 1; /* holds no worker that has nothing else to do */
    /* A failure here must not be NGX_ERROR: the worker could not be started again and clients would
     * hang. Without a core every request is refused. The text of the configuration ends with NUL. */
    ngx_memzero(&options, sizeof(options));
    options.state_directory = (const char *) mcf->state_directory.data;
    options.country_database = (const char *) mcf->country_database.data;
    options.allow_sample = mcf->allow_sample > 0 ? (uint32_t) mcf->allow_sample : 0;
    ngx_http_gatehouse_core = gh_core_create(&options, ngx_http_gatehouse_log, cycle->log);
    if (ngx_http_gatehouse_core == NULL) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0, "gatehouse: cannot start, refusing every request");
    }
    return NGX_OK;
}


static void
ngx_http_gatehouse_exit_process(ngx_cycle_t *cycle)
{
    (void) cycle;
    gh_core_destroy(ngx_http_gatehouse_core);
    ngx_http_gatehouse_core = NULL;
}
