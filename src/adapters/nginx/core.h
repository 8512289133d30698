/* The C face of the policy enforcement point inside an nginx worker. module.c calls it; core.cc
 * implements it. One core a worker, made after the fork (LMDB must not be carried across one),
 * single-threaded. No exception and no allocation of the core's crosses this line. */
#ifndef GATEHOUSE_ADAPTERS_NGINX_CORE_H
#define GATEHOUSE_ADAPTERS_NGINX_CORE_H

#include "enforcement/request.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an answer stands on: as long as none of it has moved, and no second has passed, asking again gives
 * the same answer. */
typedef struct {
  uint32_t shard;          /* of the session; GH_NO_SHARD without one */
  uint64_t session_stamp;
  uint64_t common_stamp;   /* of snapshot, revocations and service tokens together */
} gh_basis;
#define GH_NO_SHARD UINT32_MAX

typedef struct {
  int pass;                /* 1: forward with the headers below; 0: call gh_respond */
  int logged;              /* refusals and bypasses, and a sample of the rest, go to the decision log */
  gh_text effect;          /* static: allow, bypass, deny, challenge */
  gh_text reason;          /* static reason code; empty when let through */
  gh_text policy_id;
  gh_text application_id;
  gh_text assertion;       /* for the application; empty with bypass */
  gh_text email;
  gh_text policy_name;     /* only with decision_headers, percent-encoded */
  gh_text device_id;       /* only with decision_headers */
  int decision_headers;
  gh_text credential_header; /* lower-case name of one that held service credentials: not to go on */
  gh_text evidence;        /* only when logged: JSON object, evidence -> age in seconds */
  uint64_t transaction;    /* of the node state that was decided on */
  gh_basis basis;
} gh_verdict;

#define GH_MAX_RESPONSE_HEADERS 20

typedef struct {
  gh_text name;
  gh_text value;
} gh_header;

typedef struct {
  int status;
  gh_text content_type;
  gh_text body;
  gh_text location;        /* empty: none */
  gh_header headers[GH_MAX_RESPONSE_HEADERS]; /* all others, to be sent as they are */
  size_t header_count;
} gh_response;

typedef struct gh_core gh_core;
typedef void *(*gh_allocate)(void *pool, size_t size);
typedef void (*gh_log)(void *log, const char *message);

typedef struct {
  const char *state_directory;
  const char *country_database; /* MaxMind file; NULL or empty: none */
  uint32_t allow_sample;        /* one of so many allowed requests is logged; 0: none */
} gh_options;

/* Never fails for want of a node state: a core that cannot open it refuses every request and tries
 * again. NULL: no memory. */
gh_core *gh_core_create(const gh_options *options, gh_log log, void *log_data);
void gh_core_destroy(gh_core *core);

void gh_decide(gh_core *core, const gh_request *request, gh_allocate allocate, void *pool,
               gh_verdict *verdict);
/* For the request that gh_decide refused last. */
void gh_respond(gh_core *core, const gh_request *request, const gh_particulars *particulars,
                gh_allocate allocate, void *pool, gh_response *response);

/* For requests that are still open (WebSocket, server-sent events, gRPC, long downloads).
 * Once a tick: brings the core up to the last transaction. */
void gh_refresh(gh_core *core, int64_t now);
/* After it: whether an answer that stands on `basis` may have changed. A few nanoseconds. */
int gh_basis_moved(const gh_core *core, const gh_basis *basis);
/* Decides again, without touching what gh_respond speaks of: 1 while the request may go on, with `basis`
 * brought up to date; 0 when it has lost its right, with the reason code. */
int gh_still_allowed(gh_core *core, const gh_request *request, gh_basis *basis, gh_text *reason);

#ifdef __cplusplus
}
#endif

#endif
