import Base

/// Parts of a resource (RFC 9110, section 14).
enum HTTPRange {
    /// The bytes asked for out of an answer 200 or 206.
    ///
    /// Some servers send everything though asked for a part, some send the part under 200: `Content-Range` decides.
    ///
    /// - Throws: `MLError(.corrupt)` when the resource ends before the range does.
    static func part(_ answer: HTTPRequest.Answer, _ range: Range<Int64>, _ subject: String) throws -> [UInt8] {
        var start = answer.status == 206 ? range.lowerBound : 0
        if let header = answer.headers["content-range"] {
            // bytes 7-12/19
            guard let first = header.split(separator: " ").last?.prefix(while: { $0 != "-" }), let number = Int64(first)
            else { throw MLError(.io, "\(subject) came with a range that makes no sense") }
            start = number
        }
        let skipped = range.lowerBound - start
        guard skipped >= 0, Int64(answer.body.count) - skipped >= Int64(range.count) else {
            throw MLError(.corrupt, "\(subject) ends before byte \(range.upperBound)")
        }
        if skipped == 0 && answer.body.count == range.count { return answer.body }
        return Array(answer.body[Int(skipped)..<Int(skipped) + range.count])
    }
}
