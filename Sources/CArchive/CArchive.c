#include "CArchive.h"

#include <CForward.h>

// By the number of arguments; a type here that is not the header's does not compile.
#define TO(...) GITML_FORWARD("libarchive.so.13", "libarchive13", __VA_ARGS__)
#define ARCHIVE_0(result, name) TO(result, name, (void), ())
#define ARCHIVE_1(result, name, A) TO(result, name, (A a), (a))
#define ARCHIVE_2(result, name, A, B) TO(result, name, (A a, B b), (a, b))
#define ARCHIVE_3(result, name, A, B, C) TO(result, name, (A a, B b, C c), (a, b, c))
#define ARCHIVE_4(result, name, A, B, C, D) TO(result, name, (A a, B b, C c, D d), (a, b, c, d))

typedef struct archive *Archive;
typedef struct archive_entry *Entry;
typedef const char *Text;

// Entries
ARCHIVE_1(__LA_MODE_T, archive_entry_filetype, Entry)
ARCHIVE_1(void, archive_entry_free, Entry)
ARCHIVE_1(Text, archive_entry_hardlink, Entry)
ARCHIVE_0(Entry, archive_entry_new)
ARCHIVE_1(Text, archive_entry_pathname, Entry)
ARCHIVE_2(void, archive_entry_set_filetype, Entry, unsigned)
ARCHIVE_2(void, archive_entry_set_gid, Entry, la_int64_t)
ARCHIVE_2(void, archive_entry_set_hardlink, Entry, Text)
ARCHIVE_3(void, archive_entry_set_mtime, Entry, time_t, long)
ARCHIVE_2(void, archive_entry_set_pathname, Entry, Text)
ARCHIVE_2(void, archive_entry_set_perm, Entry, __LA_MODE_T)
ARCHIVE_2(void, archive_entry_set_size, Entry, la_int64_t)
ARCHIVE_2(void, archive_entry_set_symlink, Entry, Text)
ARCHIVE_2(void, archive_entry_set_uid, Entry, la_int64_t)

// Errors
ARCHIVE_1(int, archive_errno, Archive)
ARCHIVE_1(Text, archive_error_string, Archive)

// Reading
ARCHIVE_4(int, archive_read_data_block, Archive, const void **, size_t *, la_int64_t *)
ARCHIVE_1(int, archive_read_free, Archive)
ARCHIVE_0(Archive, archive_read_new)
ARCHIVE_2(int, archive_read_next_header, Archive, Entry *)
ARCHIVE_3(int, archive_read_open_filename, Archive, Text, size_t)
ARCHIVE_1(int, archive_read_support_filter_all, Archive)
ARCHIVE_1(int, archive_read_support_format_7zip, Archive)
ARCHIVE_1(int, archive_read_support_format_ar, Archive)
ARCHIVE_1(int, archive_read_support_format_cab, Archive)
ARCHIVE_1(int, archive_read_support_format_cpio, Archive)
ARCHIVE_1(int, archive_read_support_format_empty, Archive)
ARCHIVE_1(int, archive_read_support_format_gnutar, Archive)
ARCHIVE_1(int, archive_read_support_format_iso9660, Archive)
ARCHIVE_1(int, archive_read_support_format_lha, Archive)
ARCHIVE_1(int, archive_read_support_format_rar, Archive)
ARCHIVE_1(int, archive_read_support_format_rar5, Archive)
ARCHIVE_1(int, archive_read_support_format_tar, Archive)
ARCHIVE_1(int, archive_read_support_format_warc, Archive)
ARCHIVE_1(int, archive_read_support_format_xar, Archive)
ARCHIVE_1(int, archive_read_support_format_zip, Archive)

// Writing
ARCHIVE_1(int, archive_write_add_filter_bzip2, Archive)
ARCHIVE_1(int, archive_write_add_filter_gzip, Archive)
ARCHIVE_1(int, archive_write_add_filter_xz, Archive)
ARCHIVE_1(int, archive_write_add_filter_zstd, Archive)
ARCHIVE_1(int, archive_write_close, Archive)
ARCHIVE_3(la_ssize_t, archive_write_data, Archive, const void *, size_t)
ARCHIVE_4(la_ssize_t, archive_write_data_block, Archive, const void *, size_t, la_int64_t)
ARCHIVE_0(Archive, archive_write_disk_new)
ARCHIVE_2(int, archive_write_disk_set_options, Archive, int)
ARCHIVE_1(int, archive_write_finish_entry, Archive)
ARCHIVE_1(int, archive_write_free, Archive)
ARCHIVE_2(int, archive_write_header, Archive, Entry)
ARCHIVE_0(Archive, archive_write_new)
ARCHIVE_2(int, archive_write_open_fd, Archive, int)
ARCHIVE_2(int, archive_write_set_bytes_in_last_block, Archive, int)
ARCHIVE_4(int, archive_write_set_filter_option, Archive, Text, Text, Text)
ARCHIVE_1(int, archive_write_set_format_pax_restricted, Archive)
ARCHIVE_1(int, archive_write_set_format_raw, Archive)
ARCHIVE_1(int, archive_write_set_format_zip, Archive)
