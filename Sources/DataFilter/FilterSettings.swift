import Base

/// What the filter must know of the configuration, in one small file so that it need not ask git.
///
/// `<common dir>/mldata/filter-config` holds lines `key=value`; unknown keys are for newer programs and are skipped.
public struct FilterSettings: Hashable, Sendable {
    /// The largest file answered inside a smudge, in bytes; longer ones stay pointers until `git mldata sync`.
    public var inlineLimit: Int64 = 1 << 20
    /// The folder of the store; nil for `<common dir>/mldata`.
    public var store: String?
    /// Never fill in content: every smudge answers the pointer.
    public var skipSmudge = false
    /// A file that cannot be fetched becomes a pointer and a warning instead of an error.
    public var skipDownloadErrors = false

    public init() {}

    /// - Throws: `MLError(.invalidInput)` for a value that is no number or no truth value.
    public init(parsing text: String) throws {
        for line in text.split(separator: "\n") {
            guard let equals = line.firstIndex(of: "="), !line.hasPrefix("#") else { continue }
            let value = String(line[line.index(after: equals)...])
            switch line[..<equals] {
            case "inlineLimit":
                guard let number = Int64(value), number >= 0 else {
                    throw MLError(.invalidInput, "'inlineLimit' must be a number of bytes, not '\(value)'")
                }
                inlineLimit = number
            case "store": store = value.isEmpty ? nil : value
            case "skipSmudge": skipSmudge = try FilterSettings.truth(value, of: "skipSmudge")
            case "skipDownloadErrors": skipDownloadErrors = try FilterSettings.truth(value, of: "skipDownloadErrors")
            default: continue
            }
        }
    }

    /// The settings of a repository, the environment's included; defaults where there is no file.
    public init(_ environment: GitEnvironment) throws {
        let path = FilterSettings.path(commonDirectory: environment.commonDirectory)
        self = Files.exists(path) ? try FilterSettings(parsing: try Files.readText(path)) : FilterSettings()
        if let skip = environment.variables["GIT_MLDATA_SKIP_SMUDGE"] {
            skipSmudge = try FilterSettings.truth(skip, of: "GIT_MLDATA_SKIP_SMUDGE")
        }
    }

    /// The text that reads back as these settings.
    public var encoded: String {
        var text = "inlineLimit=\(inlineLimit)\n"
        if let store { text += "store=\(store)\n" }
        return text + "skipSmudge=\(skipSmudge)\nskipDownloadErrors=\(skipDownloadErrors)\n"
    }

    public static func path(commonDirectory: String) -> String { commonDirectory + "/mldata/filter-config" }

    private static func truth(_ value: String, of key: String) throws -> Bool {
        switch value.lowercased() {
        case "1", "true", "yes", "on": return true
        case "0", "false", "no", "off", "": return false
        default: throw MLError(.invalidInput, "'\(key)' must be true or false, not '\(value)'")
        }
    }
}
