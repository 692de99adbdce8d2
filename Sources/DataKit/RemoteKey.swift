import Base
import GitKit
import Remotes

/// A setting of a remote store: `mldata.remote.NAME.KEY`.
public struct RemoteKey: Sendable {
    /// What a value must look like.
    public enum Form: Sendable { case text, url, bool, path, names }

    /// As git writes it in listings.
    public var name: String
    public var form: Form
    /// Whether the committed `.mldata/config` may set it: addresses and options. What names a file of this machine, a
    /// profile or a certificate decides whose credentials are sent where, and stays with the user.
    public var isShareable: Bool
    /// One line for users.
    public var meaning: String

    /// Every key there is.
    public static let all: [RemoteKey] = [
        RemoteKey("url", .url, true, "where the store is"),
        RemoteKey("gitRemote", .names, true, "the Git remote whose pushes and fetches use this store"),
        RemoteKey("mirror", .bool, true, "a copy: gets what is pushed elsewhere, and is asked when that fails"),
        RemoteKey("endpoint", .url, true, "the service's address where it is not the usual one"),
        RemoteKey("region", .text, true, "the region of the bucket"),
        RemoteKey("pathStyle", .bool, true, "the bucket stands in the path, not in the host's name"),
        RemoteKey("project", .text, true, "the project that is billed"),
        RemoteKey("user", .text, true, "the user's name where the storage knows no other proof (WebHDFS)"),
        RemoteKey("anonymous", .bool, true, "ask without credentials"),
        RemoteKey("encryption", .text, true, "server-side encryption: AES256 or aws:kms"),
        RemoteKey("storageClass", .text, true, "the class new objects get"),
        RemoteKey("requesterPays", .bool, false, "S3: you pay for the requests, not the bucket's owner"),
        RemoteKey("profile", .text, false, "which profile of the credentials file is used"),
        RemoteKey("credentialFile", .path, false, "a file with credentials: a service account, a profile"),
        RemoteKey("caFile", .path, false, "certificates that servers are checked against"),
        RemoteKey("clientCertificate", .path, false, "the certificate shown to the server"),
        RemoteKey("clientKey", .path, false, "the key that belongs to it"),
        RemoteKey("proxy", .text, false, "the proxy between here and the store"),
    ]

    private init(_ name: String, _ form: Form, _ isShareable: Bool, _ meaning: String) {
        self.name = name
        self.form = form
        self.isShareable = isShareable
        self.meaning = meaning
    }

    /// The key of this name, capitals or not.
    ///
    /// - Throws: `MLError(.usage)` for one that does not exist or that would put a secret into a configuration file.
    public static func named(_ name: String) throws -> RemoteKey {
        let lower = name.lowercased()
        if let key = all.first(where: { $0.name.lowercased() == lower }) { return key }
        let words = ["password", "secret", "token", "accesskey", "accountkey", "sas", "connectionstring", "credential"]
        if words.contains(where: lower.contains) {
            throw MLError(
                .usage, "'\(name)' would be stored in plain text",
                hints: [
                    "credentials are taken from where the storage's own tools keep them: environment, profile files,",
                    "~/.netrc, ssh-agent, 'git credential'; 'git mldata remote test' says which are missing",
                ])
        }
        let near = NearestName.hints(name, in: all.map(\.name))
        throw MLError(
            .usage, "a remote store has no setting '\(name)'",
            hints: near.isEmpty ? ["there are: \(all.map(\.name).joined(separator: ", "))"] : near)
    }

    /// - Throws: `MLError(.usage)` for a value of the wrong form, `MLError(.invalidInput)` for a URL with a password. Addresses are looked at by whoever opens them.
    public func check(_ value: String) throws {
        let isSingleLine = !value.unicodeScalars.contains { $0.value < 32 }
        guard isSingleLine, !value.isEmpty else { throw MLError(.usage, "'\(name)' needs a value of one line") }
        if form == .bool, !["true", "false", "yes", "no", "on", "off", "0", "1"].contains(value.lowercased()) {
            throw MLError(.usage, "'\(name)' is true or false, not '\(value)'")
        }
        if form == .url, URLText.hasPassword(value) {
            throw MLError(
                .invalidInput, "a URL with a password would be stored in plain text",
                hint: "put the credentials into ~/.netrc or 'git credential approve'")
        }
    }
}
