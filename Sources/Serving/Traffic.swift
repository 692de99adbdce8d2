import Base

/// Which generations get requests.
public struct Traffic: Sendable {
    /// What becomes of requests while a second generation is there.
    public enum Split: Sendable, Hashable {
        /// The candidate answers this share of them, 0 to 1.
        case share(Double)
        /// It answers those that have the header with this value, or with any.
        case header(name: String, value: String?)
        /// It is asked the same and never heard.
        case shadow
    }

    public var stable: Generation
    public var candidate: (generation: Generation, splits: [Split])?
    /// Counts up to one candidate's turn, so that shares are exact.
    private var credit = 0.0

    init(_ stable: Generation) { self.stable = stable }

    var all: [Generation] { [stable] + (candidate.map { [$0.generation] } ?? []) }

    var isShadowed: Bool { candidate?.splits.contains(.shadow) ?? false }

    /// The generation that answers a request, and the one that is asked beside it.
    mutating func choose(_ request: ServedRequest) -> (answering: Generation, shadow: Generation?) {
        guard let (candidate, splits) = candidate else { return (stable, nil) }
        // Who asks for a version by its name gets it.
        if let version = Traffic.version(in: request.path), candidate.answers(to: version), !stable.answers(to: version)
        {
            return (candidate, nil)
        }
        var shadow: Generation?
        for split in splits {
            switch split {
            case .header(let name, let value):
                if let given = request.header(name), value == nil || value == given { return (candidate, nil) }
            case .share(let share):
                // Probes and pages are no part of what is shared.
                guard request.method == "POST" else { continue }
                credit += share
                guard credit >= 1 - 1e-9 else { continue }
                credit -= 1
                return (candidate, nil)
            case .shadow: shadow = candidate
            }
        }
        return (stable, shadow)
    }

    private static func version(in path: String) -> String? {
        guard path.hasPrefix("/v2/models/") else { return nil }
        let parts = path.split(separator: "/")
        return parts.count >= 5 && parts[3] == "versions" ? String(parts[4]) : nil
    }
}
