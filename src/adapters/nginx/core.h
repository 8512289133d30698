/* The C face of the decision core inside an nginx worker. module.c calls it; core.cc implements it.
 * One core a worker, made after the fork (LMDB must not be carried across one), single-threaded.
 * No exception and no allocation of the core's crosses this line: what a verdict points to lives in
 * the request, or was made by `allocate` in the request's pool. */
#ifndef GATEHOUSE_ADAPTERS_NGINX_CORE_H
#define GATEHOUSE_ADAPTERS_NGINX_CORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char *data;
  size_t size;
} gh_text;

/* What a header is to us. */
typedef enum {
  GH_HEADER_FOREIGN = 0,    /* not ours: goes on to the application */
  GH_HEADER_IDENTITY,       /* would be taken for an identity: removed */
  GH_HEADER_ACCESS_TOKEN,   /* cf-access-token: removed, then read */
  GH_HEADER_CLIENT_ID,      /* cf-access-client-id: likewise */
  GH_HEADER_CLIENT_SECRET   /* cf-access-client-secret: likewise */
} gh_header_kind;

/* `name` in lower case, as nginx keeps it. */
gh_header_kind gh_classify_header(const char *name, size_t size);

#define GH_MAX_TOKENS 4

/* Copies of the credentials' places, collected before they are removed from the request. */
typedef struct {
  gh_text tokens[GH_MAX_TOKENS]; /* CF_Authorization cookies, in order; further ones are ignored */
  size_t token_count;
  unsigned own_cookies;     /* how many cookies are ours, and how many are not */
  unsigned foreign_cookies;
  gh_text header_token;
  gh_text client_id;
  gh_text client_secret;
  unsigned client_id_count;
  unsigned client_secret_count;
  unsigned header_token_count;
} gh_credentials;

/* Adds the CF_Authorization cookies of one Cookie line. */
void gh_collect_cookies(const char *line, size_t size, gh_credentials *credentials);
/* When one of the line's cookies is ours: answers 1, with the length of the line without ours in `left`
 * (0: nothing remains) and the line itself in `out`, unless that is NULL. Otherwise answers 0: use the
 * line as it is. */
int gh_strip_cookies(const char *line, size_t size, char *out, size_t *left);

/* What a connection remembers of the last token it carried: browsers send the same one again and again,
 * and comparing it is ten times cheaper than its digest. Zeroed at first; `token` has room for `capacity`
 * bytes. Says nothing about whether the token is good. */
typedef struct {
  char *token;
  size_t capacity;
  size_t size;
  uint64_t digest[2];
} gh_connection_memo;

typedef struct {
  gh_text host;            /* as nginx matched it: lower case, no port */
  gh_text target;          /* what is forwarded: raw path and query */
  const unsigned char *address;
  size_t address_size;     /* 4 or 16 */
  int64_t now;             /* seconds since the epoch */
  const gh_credentials *credentials;
  gh_connection_memo *memo; /* may be NULL */
} gh_request;

/* The rest of a request, needed only when it is not let through. Empty texts: absent. */
typedef struct {
  gh_text method;
  gh_text sec_fetch_mode;
  gh_text accept;
  gh_text x_requested_with;
  gh_text upgrade;
  gh_text content_type;
  gh_text access_control_request_method;
  gh_text app_session;     /* value of the CF_AppSession cookie */
  gh_text request_id;
} gh_particulars;

typedef struct {
  int pass;                /* 1: forward with the headers below; 0: call gh_respond */
  int audited;             /* refusals and bypasses go to the decision log */
  const char *effect;      /* static: allow, bypass, deny, challenge */
  const char *reason;      /* static reason code; empty when let through */
  gh_text policy_id;       /* borrowed from the snapshot: copy before the event loop turns */
  gh_text application_id;
  gh_text assertion;       /* for the application; empty with bypass */
  gh_text email;
  gh_text policy_name;     /* only with decision_headers, percent-encoded */
  gh_text device_id;       /* only with decision_headers */
  int decision_headers;
} gh_verdict;

typedef struct {
  int status;
  gh_text content_type;
  gh_text body;
  gh_text location;        /* empty: none */
  gh_text set_cookie;      /* empty: none */
  gh_text audience;        /* CF-Access-Aud, CF-Access-Domain with 401 and 403 */
  gh_text domain;
  gh_text content_security_policy;
} gh_response;

typedef struct gh_core gh_core;
typedef void *(*gh_allocate)(void *pool, size_t size);
typedef void (*gh_log)(void *log, const char *message);

/* Never fails: a core whose node state cannot be opened refuses every request and tries again. */
gh_core *gh_core_create(const char *state_directory, gh_log log, void *log_data);
void gh_core_destroy(gh_core *core);

void gh_decide(gh_core *core, const gh_request *request, gh_allocate allocate, void *pool,
               gh_verdict *verdict);
/* For the request that gh_decide refused last. */
void gh_respond(gh_core *core, const gh_request *request, const gh_particulars *particulars,
                gh_allocate allocate, void *pool, gh_response *response);

#ifdef __cplusplus
}
#endif

#endif
