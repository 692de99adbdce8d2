import Base

/// Keys for Aliyun's OSS, from the environment or from the configuration of `ossutil`.
struct OSSKeys: S3Keys {
    private let keys: AWSCredentials
    /// What the configuration file says besides.
    let endpoint: String?
    let region: String?

    /// - Throws: `MLError(.failed)` when there are none.
    init(_ settings: StorageSettings) throws {
        let environment = settings.environment
        func first(_ names: [String]) -> String? { names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty } }
        let file = try settings.path("credentialFile") ?? (environment["HOME"] ?? "") + "/.ossutilconfig"
        let values = OSSKeys.values((try? Files.readText(file)) ?? "", profile: settings["profile"])
        endpoint = first(["OSS_ENDPOINT"]) ?? values["endpoint"]
        region = first(["OSS_REGION", "ALIBABA_CLOUD_REGION_ID"]) ?? values["region"]
        if settings.bool("anonymous") == true {
            keys = AWSCredentials(keyID: "", secret: "", token: nil, source: "nowhere")
        } else if settings["profile"] == nil,
            let id = first(["OSS_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_ID"]),
            let secret = first(["OSS_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"])
        {
            let token = first(["OSS_SESSION_TOKEN", "OSS_SECURITY_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN"])
            keys = AWSCredentials(keyID: id, secret: secret, token: token, source: "the environment")
        } else if let id = values["accesskeyid"], let secret = values["accesskeysecret"] {
            keys = AWSCredentials(keyID: id, secret: secret, token: values["ststoken"], source: "'\(file)'")
        } else {
            throw MLError(
                .failed, "there are no credentials for OSS",
                hints: [
                    "put them into ~/.ossutilconfig ('ossutil config')",
                    "or set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET",
                ])
        }
    }

    func current() -> AWSCredentials { keys }
    func renew(_ refused: AWSCredentials) -> Bool { false }

    /// `key = value` of one section: `[Credentials]` in the first version of ossutil, `[default]` or `[profile NAME]` in the second.
    private static func values(_ text: String, profile: String?) -> [String: String] {
        let wanted = profile.map { ["profile \($0)", $0] } ?? ["Credentials", "default"]
        var found: [String: String] = [:]
        var isWanted = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.trimmed
            if line.hasPrefix("[") {
                isWanted = wanted.contains(line.dropFirst().prefix { $0 != "]" }.trimmed)
            } else if isWanted, let equals = line.firstIndex(of: "=") {
                found[line[..<equals].trimmed.lowercased()] = line[line.index(after: equals)...].trimmed
            }
        }
        return found
    }
}
