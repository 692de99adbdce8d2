// libarchive: reading any archive, writing to disk safely.
#ifndef GITML_CARCHIVE_H
#define GITML_CARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#endif
