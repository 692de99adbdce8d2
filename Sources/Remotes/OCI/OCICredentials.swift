import Base

/// User and password for a registry, from where `docker`, `podman` and `skopeo` keep them: `REGISTRY_AUTH_FILE`,
/// `$XDG_RUNTIME_DIR/containers/auth.json`, `$DOCKER_CONFIG/config.json`, `~/.docker/config.json`, and the helper programs
/// these name.
enum OCICredentials {
    /// `user:password`; nil when nobody has any for this registry.
    static func find(registry: String) throws -> String? {
        let script = """
            for file in "$REGISTRY_AUTH_FILE" "$XDG_RUNTIME_DIR/containers/auth.json" \
                "${DOCKER_CONFIG:-$HOME/.docker}/config.json"; do [ ! -f "$file" ] || printf '%s\\n' "$file"; done
            """
        for file in try StorageSettings.ask(script).split(separator: "\n") {
            guard let document = try? JSON(parsing: Files.read(String(file))) else {
                throw MLError(.invalidInput, "'\(file)' is no valid JSON")
            }
            if let found = try credentials(document, registry) { return found }
        }
        return nil
    }

    private static func credentials(_ document: JSON, _ registry: String) throws -> String? {
        if let helper = document["credHelpers"]?[registry]?.stringValue { return try ask(helper, registry) }
        let auths = document["auths"]?.objectValue
        for key in auths?.keys ?? [] where host(key) == registry {
            if let text = auths?[key]?["auth"]?.stringValue, let bytes = Base64.decode(text) {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        return try document["credsStore"]?.stringValue.flatMap { try ask($0, registry) }
    }

    /// `https://index.docker.io/v1/` and `registry:5000/name` mean their host.
    private static func host(_ key: String) -> String {
        let rest = key.firstRange(of: "://").map { key[$0.upperBound...] } ?? key[...]
        return String(rest.prefix { $0 != "/" })
    }

    /// docker-credential-helpers: `docker-credential-NAME get`, the server on standard input.
    private static func ask(_ helper: String, _ registry: String) throws -> String? {
        guard helper.allSatisfy({ $0.isLetter || $0.isNumber || "-_.".contains($0) }) else { return nil }
        let answer = try Subprocess(["docker-credential-" + helper, "get"], input: Array(registry.utf8)).run()
        guard answer.status == 0, let document = try? JSON(parsing: answer.output),
            let user = document["Username"]?.stringValue, let secret = document["Secret"]?.stringValue
        else { return nil }
        return user + ":" + secret
    }
}
