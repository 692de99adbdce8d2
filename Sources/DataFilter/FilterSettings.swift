import Base

/// What the filter must know of git's configuration.
public struct FilterSettings: Hashable, Sendable {
    /// The largest file answered inside a smudge, in bytes; longer ones stay pointers until `git mldata sync`.
    public var inlineLimit: Int64 = 1 << 20
    /// The folder of the store; nil for `<common dir>/mldata`.
    public var store: String?
    /// Never fill in content: every smudge answers the pointer.
    public var skipSmudge = false
    /// A file that cannot be fetched becomes a pointer and a warning instead of an error.
    public var skipDownloadErrors = false
    /// Files outside of it stay pointers (`mldata.include`, `mldata.exclude`).
    public var wanted = PathFilter(include: [], exclude: [])
    /// Who else may use the store (`core.sharedRepository`).
    public var sharing: String?

    public init() {}

    /// Reads what `git config --null --get-regexp` prints; the last value of a key counts.
    ///
    /// - Throws: `MLError(.invalidInput)` for a value that is no number or no truth value, or an unknown repository format.
    public init(parsing listing: [UInt8]) throws {
        var include: [String] = []
        var exclude: [String] = []
        for entry in listing.split(separator: 0) {
            let fields = entry.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(decoding: fields[0], as: UTF8.self)
            // A key alone ("[a] b") means true.
            let value = fields.count > 1 ? String(decoding: fields[1], as: UTF8.self) : "true"
            switch key {
            case "mldata.inlinelimit":
                guard let number = FilterSettings.size(value) else {
                    throw MLError(.invalidInput, "configuration '\(key)' is '\(value)', not a number of bytes")
                }
                inlineLimit = number
            case "core.sharedrepository": sharing = value
            case "mldata.store": store = value.isEmpty ? nil : value
            case "mldata.skipdownloaderrors": skipDownloadErrors = try FilterSettings.truth(value, of: key)
            case "mldata.include": include.append(value)
            case "mldata.exclude": exclude.append(value)
            case "mldata.repositoryformatversion":
                guard value == "0" else {
                    throw MLError(
                        .invalidInput, "unknown mldata.repositoryFormatVersion '\(value)'",
                        hint: "this repository was set up by a newer git-ml; upgrade")
                }
            default: continue
            }
        }
        wanted = PathFilter(include: include, exclude: exclude)
    }

    /// The settings of a repository, the environment's included.
    public init(_ environment: GitEnvironment) throws {
        let answer = try Subprocess(
            ["git", "config", "--null", "--get-regexp", "^(mldata\\.|core\\.sharedrepository$)"],
            directory: environment.directory,
            errors: .inherit
        ).run()
        self = try FilterSettings(parsing: answer.output)
        if let path = store {
            store =
                path.hasPrefix("~/")
                ? Files.join(environment.variables["HOME"] ?? "/", String(path.dropFirst(2)))
                : Files.join(environment.directory, path)
        }
        if let skip = environment.variables["GIT_MLDATA_SKIP_SMUDGE"] {
            skipSmudge = try FilterSettings.truth(skip, of: "GIT_MLDATA_SKIP_SMUDGE")
        } else if let skip = environment.variables["GIT_LFS_SKIP_SMUDGE"] {
            // What people who come from Git LFS type.
            skipSmudge = (try? FilterSettings.truth(skip, of: "")) ?? false
        }
    }

    private static func truth(_ value: String, of key: String) throws -> Bool {
        switch value.lowercased() {
        case "1", "true", "yes", "on": return true
        case "0", "false", "no", "off", "": return false
        default: throw MLError(.invalidInput, "'\(key)' must be true or false, not '\(value)'")
        }
    }

    /// A number with git's suffixes k, m, g.
    private static func size(_ text: String) -> Int64? {
        let units: [Character: Int64] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
        let unit = text.lowercased().last.flatMap { units[$0] }
        guard let number = Int64(unit == nil ? text[...] : text.dropLast()), number >= 0 else { return nil }
        let (value, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        return overflow ? nil : value
    }
}
