/* What a request shows to the policy enforcement point, and what it gets back: plain C, so that the
 * nginx module speaks it too. Texts are borrowed: they live in the request, or were made by
 * `allocate` in its pool. */
#ifndef GATEHOUSE_ENFORCEMENT_REQUEST_H
#define GATEHOUSE_ENFORCEMENT_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char* data;
  size_t size;
} gh_text;

/* What a header is to us. */
typedef enum {
  GH_HEADER_FOREIGN = 0,  /* not ours: goes on to the application */
  GH_HEADER_IDENTITY,     /* would be taken for an identity: removed */
  GH_HEADER_ACCESS_TOKEN, /* cf-access-token: removed, then read */
  GH_HEADER_CLIENT_ID,    /* cf-access-client-id: likewise */
  GH_HEADER_CLIENT_SECRET /* cf-access-client-secret: likewise */
} gh_header_kind;

/* `name` in lower case, as nginx keeps it. */
gh_header_kind gh_classify_header(const char* name, size_t size);
/* Nearly every header of a request: its first two letters say GH_HEADER_FOREIGN. */
static inline int gh_is_plainly_foreign(const char* name, size_t size) {
  if (size < 2) return 1; /* every name of ours is longer */
  switch (name[0]) {
    case 'c': /* cf-..., client-cert */
      return name[1] != 'f' && name[1] != 'l';
    case 'g': /* gatehouse-... */
      return name[1] != 'a';
    case 'p': /* proxy */
      return name[1] != 'r';
    case 'r': /* remote-... */
      return name[1] != 'e';
    case 'x':
      return 0;
    default:
      return 1;
  }
}

#define GH_MAX_TOKENS 4

/* Copies of the credentials' places, collected before they are removed from the request. */
typedef struct {
  gh_text tokens[GH_MAX_TOKENS]; /* CF_Authorization cookies, in order; further ones are ignored */
  size_t token_count;
  uint64_t digest[2];   /* of tokens[digested - 1] */
  unsigned digested;    /* 0: no digest is known */
  unsigned own_cookies; /* how many cookies are ours, and how many are not */
  unsigned foreign_cookies;
  gh_text binding; /* the first CF_Binding cookie */
  gh_text header_token;
  gh_text client_id;
  gh_text client_secret;
  unsigned client_id_count;
  unsigned client_secret_count;
  unsigned header_token_count;
} gh_credentials;

/* When one of the line's cookies is ours: answers 1, with the length of the line without ours in
 * `left` (0: nothing remains) and the line itself in `out`, unless that is NULL. Otherwise answers
 * 0: use the line as it is. */
int gh_strip_cookies(const char* line, size_t size, char* out, size_t* left);

/* What a connection remembers of the last token it carried: browsers send the same one again and
 * again, and comparing it is ten times cheaper than its digest. Zeroed at first; `token` has room
 * for `capacity` bytes. Says nothing about whether the token is good. */
typedef struct {
  char* token;
  size_t capacity;
  size_t size;
  uint64_t digest[2];
} gh_connection_memo;

/* Adds our cookies of one Cookie line. When the token of `memo` (may be NULL) is among them, its
 * digest is taken from there. */
void gh_collect_cookies(const char* line, size_t size, const gh_connection_memo* memo,
                        gh_credentials* credentials);

/* What only some decisions need, asked for when they do. Both answer an empty text when there is
 * none. */
typedef struct {
  /* The value of the only header of that name (lower case); empty also when it is repeated. */
  gh_text (*header)(void* source, const char* name);
  /* The client's certificate, DER. */
  gh_text (*certificate)(void* source);
  void* source;
} gh_lookup;

typedef struct {
  gh_text host;   /* as nginx matched it: lower case, no port */
  gh_text target; /* what is forwarded: raw path and query */
  const unsigned char* address;
  size_t address_size;     /* 4 or 16 */
  int64_t now;             /* seconds since the epoch */
  int is_options;          /* the method is OPTIONS */
  int certificate_unknown; /* the connection cannot be seen: forward-auth */
  const gh_credentials* credentials;
  gh_connection_memo* memo; /* may be NULL */
  gh_lookup lookup;
} gh_request;

/* The rest of a request, needed only when it is not let through. Empty texts: absent. */
typedef struct {
  gh_text method;
  gh_text sec_fetch_mode;
  gh_text accept;
  gh_text x_requested_with;
  gh_text upgrade;
  gh_text content_type;
  gh_text origin;
  gh_text access_control_request_method;
  gh_text access_control_request_headers;
  gh_text app_session; /* value of the CF_AppSession cookie */
  gh_text request_id;
  gh_text accept_language;
} gh_particulars;

#ifdef __cplusplus
}
#endif

#endif
