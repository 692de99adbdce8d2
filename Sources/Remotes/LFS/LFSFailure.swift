import Base

/// Answers of a server that mean "no", in words a user can act on.
enum LFSFailure {
    /// What a status of a whole request, or an object's error code, means.
    ///
    /// - Parameters:
    ///   - words: what the server itself says; may be empty.
    ///   - subject: what was asked for.
    static func error(_ status: Int, _ words: String, subject: String, server: String) -> MLError {
        let said = words.isEmpty ? "" : ": \(words)"
        func make(_ code: MLError.Code, _ what: String, _ hint: String? = nil) -> MLError {
            MLError(code, "\(server) \(what) (\(status))\(said)", hints: hint.map { [$0] } ?? [])
        }
        switch status {
        case 401:
            return make(
                .failed, "wants other credentials for \(subject)", "check the user and password or token for this host")
        case 403:
            return make(.failed, "does not allow \(subject)", "ask its owner for the right to read or write")
        case 404, 410:
            return make(.notFound, "does not have \(subject)", "is the address right? it usually ends in '/info/lfs'")
        case 406:
            return make(
                .failed, "does not speak the Git LFS API", "is the address right? it usually ends in '/info/lfs'")
        case 409:
            return make(.conflict, "names objects by another hash than sha256", "use another remote store for data")
        case 413:
            return make(
                .failed, "finds \(subject) too large", "ask for a higher limit, or use another remote store for data")
        case 422: return make(.invalidInput, "refuses \(subject)", "oid or size are not what the server can accept")
        case 429:
            return make(.failed, "is asked too often for \(subject)", "wait a little and run the command again")
        case 501: return make(.failed, "does not offer \(subject)", "use another remote store for data")
        case 507: return make(.io, "has no space left for \(subject)", "free space there, or use another remote store")
        case 509: return make(.failed, "has no bandwidth left for \(subject)", "wait, or buy more from the host")
        default: return make(.io, "answered to \(subject)", "try again later; what was moved so far is kept")
        }
    }

    /// The `message` of a JSON body, or the beginning of a short text.
    static func words(_ answer: HTTPRequest.Answer) -> String {
        if let json = try? JSON(parsing: answer.body) { return line(json["message"]?.stringValue ?? "") }
        let text = String(decoding: answer.body.prefix(200), as: UTF8.self)
        return text.contains("<") ? "" : line(text)
    }

    private static func line(_ text: String) -> String {
        String(text.split(whereSeparator: \.isNewline).first ?? "").filter { !$0.isNewline && $0 != "\u{1b}" }
    }
}
