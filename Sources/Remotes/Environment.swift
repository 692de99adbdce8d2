import Base

/// The variables of the user's environment, for credentials that storages' own tools take from there.
///
/// Libraries do not read their process's environment; this asks what programs started by it get to see, once.
enum Environment {
    static let current: [String: String] = {
        guard let answer = try? Subprocess(["env", "-0"], input: []).run() else { return [:] }
        var found: [String: String] = [:]
        for line in answer.output.split(separator: 0) {
            let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            found[String(decoding: parts[0], as: UTF8.self)] = String(decoding: parts[1], as: UTF8.self)
        }
        return found
    }()
}
