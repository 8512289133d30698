// `gatehouse backup` and `gatehouse restore`: the durable store as a file, while the gateway runs
// or without one. docs/guides/backup.md
//
// The file: one line of JSON about it, then the store's own dump (storage/store.h). It names the
// master key by a fingerprint, since what is sealed in it opens with that key alone, and holds the
// key itself only when asked for.
#pragma once

#include <filesystem>
#include <string>

#include "apps/gatehouse/commands.h"
#include "net/http.h"

namespace gatehouse::apps {

class Node;

struct BackupArguments {
  std::string file;
  std::string state_directory;     // of a running gateway; empty: the configuration file's
  std::string configuration_file;  // whose store is used when no gateway runs
  bool with_master_key = false;    // of a backup only
  bool yes = false;                // of a restore only
};
[[nodiscard]] int backup(const BackupArguments& arguments, Output output);
[[nodiscard]] int restore(const BackupArguments& arguments, Output output);

// POST /backup {"with_master_key"}: {"path"}, a file in the state directory that the caller takes.
// POST /restore {"path"}: everything in it is in force when it answers.
[[nodiscard]] net::HttpResponse answer_backup(Node& node, const net::HttpRequest& request);
[[nodiscard]] net::HttpResponse answer_restore(Node& node, const net::HttpRequest& request);

// Backups on their way that nobody has fetched, from before a start.
void remove_leftovers(const std::filesystem::path& directory);

}  // namespace gatehouse::apps
