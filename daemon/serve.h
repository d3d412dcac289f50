#pragma once

#include "config/settings.h"
#include "daemon/exporter.h"
#include "daemon/log.h"
#include "daemon/privileges.h"

namespace memory_exporter {

/// Serves until SIGTERM or SIGINT comes, and reads the configuration again on SIGHUP. Returns the
/// exit code; why it could not start is said on standard error. A reload that needs a capability
/// which was dropped is refused. To be called before the process
/// has a second thread but the log's, with the signals blocked (see block_signals()).
///
/// The calling thread only waits for signals, so that one always ends the daemon within two
/// seconds: everything that may hang is done by others.
///
/// `load`: reads the settings again.
int serve(const config::Settings& settings, Exporter::Load load, const Privileges& privileges,
          Log& log);

/// Blocks the signals that serve() waits for, in this thread and those that it starts.
void block_signals();

}  // namespace memory_exporter
