import Glibc

/// libarchive converts names through the locale of the calling thread; in the plain C locale, which programs start with,
/// names that are not ASCII would be lost.
enum ArchiveLocale {
    /// Runs `body` with names in UTF-8, whatever the user's locale is.
    static func run<T>(_ body: () throws -> T) rethrows -> T {
        guard let locale = newlocale(1 << LC_CTYPE, "C.UTF-8", nil) else { return try body() }
        let previous = uselocale(locale)
        defer {
            uselocale(previous)
            freelocale(locale)
        }
        return try body()
    }
}
