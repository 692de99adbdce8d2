import Base

/// The profiles of `~/.aws/credentials` and `~/.aws/config`.
///
/// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
package struct AWSProfiles: Sendable {
    /// Values by `key`, and by `key.subkey` for the indented lines below a key without a value, such as `s3.addressing_style`.
    package typealias Profile = [String: String]

    private var profiles: [String: Profile] = [:]
    private var services: [String: Profile] = [:]

    package init() {}

    /// - Parameters:
    ///   - credentials: the text of the credentials file: its values count more.
    ///   - configuration: the text of the configuration file, whose sections are called `profile NAME`.
    package init(credentials: String, configuration: String) {
        for (section, values) in AWSProfiles.sections(configuration) {
            let words = section.split(separator: " ", maxSplits: 1).map(String.init)
            if words == ["default"] {
                profiles["default", default: [:]].merge(values) { $1 }
            } else if words.count == 2, words[0] == "profile" {
                profiles[words[1].unquoted, default: [:]].merge(values) { $1 }
            } else if words.count == 2, words[0] == "services" {
                services[words[1], default: [:]].merge(values) { $1 }
            }
        }
        for (section, values) in AWSProfiles.sections(credentials) {
            profiles[section, default: [:]].merge(values) { $1 }
        }
    }

    /// Reads the files where the environment says they are; missing ones are empty.
    package init(environment: [String: String]) {
        let folder = (environment["HOME"] ?? "") + "/.aws/"
        func text(_ variable: String, _ name: String) -> String {
            let home = environment["HOME"] ?? ""
            var path = environment[variable] ?? folder + name
            if path.hasPrefix("~/") { path = home + path.dropFirst() }
            return (try? Files.readText(path)) ?? ""
        }
        self.init(
            credentials: text("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            configuration: text("AWS_CONFIG_FILE", "config"))
    }

    package subscript(name: String) -> Profile? { profiles[name] }

    package var names: [String] { profiles.keys.sorted() }

    /// The endpoint a profile sets for a service (`s3`, `sts`), by a section `services` or for all services.
    package func endpoint(_ profile: String, service: String) -> String? {
        let values = profiles[profile] ?? [:]
        return values["services"].flatMap { services[$0]?["\(service).endpoint_url"] } ?? values["endpoint_url"]
    }

    private static func sections(_ text: String) -> [(String, Profile)] {
        var found: [(String, Profile)] = []
        var outer = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let content = line.trimmed
            if content.isEmpty || content.hasPrefix("#") || content.hasPrefix(";") { continue }
            if content.hasPrefix("["), let end = content.firstIndex(of: "]") {
                found.append((String(content[..<end].dropFirst()).trimmed, [:]))
                outer = ""
                continue
            }
            guard !found.isEmpty, let equals = content.firstIndex(of: "=") else { continue }
            let key = String(content[..<equals]).trimmed.lowercased()
            var value = String(content[content.index(after: equals)...]).trimmed
            // A comment behind a value begins with a space.
            for mark in [" #", " ;"] {
                if let comment = value.firstRange(of: mark) { value = String(value[..<comment.lowerBound]) }
            }
            let isNested = line.first?.isWhitespace == true && !outer.isEmpty
            if !isNested { outer = value.isEmpty ? key : "" }
            found[found.count - 1].1[isNested ? "\(outer).\(key)" : key] = value.trimmed
        }
        return found
    }
}

extension String {
    fileprivate var unquoted: String {
        count > 1 && hasPrefix("\"") && hasSuffix("\"") ? String(dropFirst().dropLast()) : String(self)
    }
}
