import Base

/// Where a storage account of Azure is, and who asks.
///
/// Looked for in this order: `credentialFile` (a connection string, a key or a shared access signature), the environment
/// (`AZURE_STORAGE_*`), `~/.azure/config`, a service principal (`AZURE_CLIENT_*`), a managed identity where the environment
/// names one, and what `az login` left.
package struct AzureAccount: Sendable {
    package enum Proof: Sendable {
        case key([UInt8])
        /// A shared access signature's parameters, encoded.
        case signature(String)
        case token(AzureToken)
        case none
    }

    package var name: String
    package var proof: Proof
    /// `https://ACCOUNT.blob.core.windows.net`, or `http://host:port/ACCOUNT` of an emulator.
    package var endpoint: String
    /// Where the proof was found.
    package var source: String

    /// The account that Azure's emulators are born with; public knowledge.
    private static let development =
        "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
        + "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
        + "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1"

    /// - Parameter account: from the URL.
    /// - Throws: `MLError(.failed)` without credentials, `MLError(.conflict)` when they are another account's.
    package init(_ account: String, settings: StorageSettings) throws {
        let environment = settings.environment
        name = account
        endpoint = try settings.ownEndpoint() ?? "https://\(account).blob.core.windows.net"
        (proof, source) = (.none, "nowhere")
        if settings.bool("anonymous") == true { return }
        let file = (environment["AZURE_CONFIG_DIR"] ?? (environment["HOME"] ?? "") + "/.azure") + "/config"
        let given = try settings.path("credentialFile").map { path in
            (text: try Files.readText(path).trimmed, source: "'\(path)'")
        }
        let stored = AzureAccount.values((try? Files.readText(file)) ?? "")
        if let given {
            source = given.source
            try take(given.text, settings)
        } else if let found = AzureAccount.pick(environment, "AZURE_STORAGE_", account) {
            source = "the environment"
            try take(found, settings)
        } else if let found = AzureAccount.pick(stored, "", account) {
            source = "'\(file)'"
            try take(found, settings)
        } else if let token = try AzureToken.find(environment) {
            source = token.source
            proof = .token(token)
        } else {
            throw MLError(
                .failed, "there are no credentials for Azure's storage account '\(account)'",
                hints: [
                    "set AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or sign in with 'az login'",
                    "a file with one of these: 'git mldata remote set NAME credentialFile FILE'",
                ])
        }
    }

    /// Takes a connection string, a shared access signature or a key.
    private mutating func take(_ text: String, _ settings: StorageSettings) throws {
        if text.contains("AccountName=") || text.contains("BlobEndpoint=") || text.hasPrefix("UseDevelopmentStorage") {
            try takeConnection(text.hasPrefix("UseDevelopmentStorage") ? AzureAccount.development : text, settings)
        } else if text.contains("sig=") {
            proof = .signature(text.hasPrefix("?") ? String(text.dropFirst()) : text)
        } else if let key = Base64.decode(text), key.count >= 16 {
            proof = .key(key)
        } else {
            throw MLError(
                .invalidInput, "what stands in \(source) is no connection string, no key and no shared access signature"
            )
        }
    }

    private mutating func takeConnection(_ text: String, _ settings: StorageSettings) throws {
        var parts: [String: String] = [:]
        for part in text.split(separator: ";") {
            guard let equals = part.firstIndex(of: "=") else { continue }
            parts[part[..<equals].trimmed.lowercased()] = part[part.index(after: equals)...].trimmed
        }
        if let other = parts["accountname"], other != name {
            throw MLError(
                .conflict, "the connection string in \(source) is for account '\(other)', not for '\(name)'",
                hint: "'git mldata remote set NAME url azure://\(other)/CONTAINER', or take the other one")
        }
        if settings["endpoint"] == nil {
            let suffix = parts["endpointsuffix"] ?? "core.windows.net"
            let scheme = parts["defaultendpointsprotocol"] ?? "https"
            endpoint = parts["blobendpoint"]?.withoutSlash ?? "\(scheme)://\(name).blob.\(suffix)"
        }
        if let key = parts["accountkey"].flatMap({ Base64.decode($0) }) {
            proof = .key(key)
        } else if let signature = parts["sharedaccesssignature"] {
            proof = .signature(signature.hasPrefix("?") ? String(signature.dropFirst()) : signature)
        } else {
            throw MLError(.invalidInput, "the connection string in \(source) has neither a key nor a signature")
        }
    }

    /// What a set of variables says, if it is about this account.
    private static func pick(_ values: [String: String], _ prefix: String, _ account: String) -> String? {
        func value(_ names: String...) -> String? {
            names.lazy.compactMap { values[prefix + (prefix.isEmpty ? $0.lowercased() : $0)] }.first { !$0.isEmpty }
        }
        if let text = value("CONNECTION_STRING") { return text }
        if let other = value("ACCOUNT", "ACCOUNT_NAME"), other != account { return nil }
        return value("SAS_TOKEN") ?? value("KEY", "ACCOUNT_KEY", "ACCESS_KEY")
    }

    /// The section `[storage]` of the configuration of `az`.
    private static func values(_ text: String) -> [String: String] {
        var found: [String: String] = [:]
        var isWanted = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmed
            if line.hasPrefix("[") {
                isWanted = line == "[storage]"
            } else if isWanted, let equals = line.firstIndex(of: "=") {
                found[line[..<equals].trimmed.lowercased()] = line[line.index(after: equals)...].trimmed
            }
        }
        return found
    }
}
