// libarchive: reading any archive, writing to disk safely.
#include <archive.h>
#include <archive_entry.h>
