import Base
import GitKit

/// What a driver may know beside its URL.
public struct StorageSettings: Sendable {
    /// For git's own configuration (`core.sshCommand`) and for starting programs in the repository; nil for none.
    public var git: GitCommand?
    /// The user's environment.
    package var environment: [String: String] { given ?? Environment.current }
    private var given: [String: String]?
    /// Values of `mldata.remote.NAME.KEY` by their keys in lower case.
    private var values: [String: String]
    /// Keys whose values come from the clone, in lower case.
    private var shared: Set<String>

    /// - Parameters:
    ///   - shared: keys whose values come from the committed `.mldata/config` and not from the user.
    ///   - environment: instead of the user's own.
    public init(
        git: GitCommand? = nil, values: [String: String] = [:], shared: Set<String> = [],
        environment: [String: String]? = nil
    ) {
        self.shared = Set(shared.map { $0.lowercased() })
        self.git = git
        given = environment
        self.values = Dictionary(values.map { ($0.lowercased(), $1) }) { $1 }
    }

    /// The value of a key, capitals or not.
    public subscript(key: String) -> String? { values[key.lowercased()] }

    /// The service's address where it is not the usual one, for services that get a token or what else could be used elsewhere:
    /// where credentials go is not for a clone to say.
    ///
    /// - Throws: `MLError(.failed)` when it comes from the clone.
    func ownEndpoint() throws -> String? {
        guard let endpoint = self["endpoint"] else { return nil }
        guard !shared.contains("endpoint") || bool("anonymous") == true else {
            throw MLError(
                .failed,
                "'.mldata/config' names the endpoint '\(URLText.withoutCredentials(endpoint))', which would get your credentials",
                hint: "if you trust it: 'git mldata remote set NAME endpoint \(URLText.withoutCredentials(endpoint))'")
        }
        return endpoint.withoutSlash
    }

    /// The value of a key that is true or false; nil when it is not set.
    func bool(_ key: String) -> Bool? { self[key].map { ["true", "yes", "on", "1"].contains($0.lowercased()) } }

    /// A file named by a setting; `~` is the home folder, as in all of git's paths.
    func path(_ key: String) throws -> String? {
        guard let text = self[key] else { return nil }
        guard text.hasPrefix("~") else { return text }
        let answer = try GitCommand(directory: git?.directory).run([
            "-c", "mldata.path=\(text)", "config", "--type=path", "mldata.path",
        ])
        return String(answer.text.dropLast())
    }

    /// A line of shell with the user's environment: what a variable or the first of some files holds. Libraries do not read
    /// the environment themselves.
    static func ask(_ script: String) throws -> String {
        let program = Subprocess(["/bin/sh", "-c", script], input: [])
        return try String(program.run().text.reversed().drop { $0.isNewline }.reversed())
    }
}
