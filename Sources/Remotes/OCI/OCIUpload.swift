import Base

/// The upload of one blob (OCI distribution specification 1.1, "Pushing blobs"): in one request, or in parts when it is long.
///
/// A registry appends what it gets to the upload, so a request whose answer was an error or never came must not be sent
/// again: its bytes might be there twice, and the digest would not fit. Instead the registry is asked how far it came, or a
/// new upload begins, unless the blob is there by then: somebody else may have put the same.
struct OCIUpload {
    let access: OCIAccess
    /// `sha256:HEX`.
    let digest: String
    let size: Int64
    /// What the blob is for; said in errors only.
    let key: String
    /// Reads so many bytes at a position.
    let read: (_ position: Int64, _ count: Int) throws -> [UInt8]

    /// Uploads longer than this go in parts, so that a cut line costs one part.
    private static let partLength: Int64 = 16 << 20
    /// How many uploads are begun before the failure is final.
    private static let tries = 5

    private enum End {
        case done
        /// The upload is lost; another may succeed.
        case lost(HTTPRequest.Answer?, any Error)
    }

    /// - Throws: `MLError`; nothing is half-written then.
    func run() throws {
        var backoff = Backoff()
        for attempt in 1... {
            if try isPresent() { return }
            guard case .lost(let answer, let error) = try upload() else { return }
            Trace.note("another upload (\(attempt)) after: \(error)")
            guard attempt < OCIUpload.tries else { throw error }
            guard let answer else {
                backoff.pause()
                continue
            }
            guard PatientRequest().pause(&backoff, after: answer) else { throw error }
        }
    }

    private func isPresent() throws -> Bool {
        try access.send { HTTPRequest(method: "HEAD", url: access.address("blobs/" + digest)) }.status == 200
    }

    private func upload() throws -> End {
        let begun = try access.send { HTTPRequest(method: "POST", url: access.address("blobs/uploads/"), body: []) }
        try access.require(begun, [202], "begin to write", key)
        var place = try location(begun)
        var position: Int64 = 0
        while size - position > OCIUpload.partLength {
            let (answer, failure) = try send(
                "PATCH", place, position, Int(OCIUpload.partLength),
                ["Content-Range: \(position)-\(position + OCIUpload.partLength - 1)"])
            if let answer, answer.status == 202 {
                place = try location(answer)
                position += OCIUpload.partLength
                continue
            }
            // How far did it come?
            let state = try access.send { HTTPRequest(method: "GET", url: place) }
            guard state.status == 204, let range = state.headers["range"]?.split(separator: "-"), range.count == 2,
                let last = Int64(range[1]), last + 1 > position, last + 1 <= position + OCIUpload.partLength
            else { return .lost(answer, failure) }
            place = try location(state)
            position = last + 1
        }
        let (answer, failure) = try send(
            "PUT", place + (place.contains("?") ? "&" : "?") + "digest=" + PercentEncoding.encode(digest), position,
            Int(size - position))
        return answer?.status == 201 ? .done : .lost(answer, failure)
    }

    /// Sends a piece, once.
    ///
    /// - Returns: the answer, if one came, and what it means when it is not the one hoped for.
    /// - Throws: what no other upload would change: no rights, no space.
    private func send(
        _ method: String, _ place: String, _ position: Int64, _ count: Int, _ headers: [String] = []
    ) throws -> (HTTPRequest.Answer?, any Error) {
        let bytes = try read(position, count)
        let answer: HTTPRequest.Answer
        do {
            answer = try access.send(PatientRequest(tries: 1)) {
                HTTPRequest(
                    method: method, url: place, headers: ["Content-Type: application/octet-stream"] + headers,
                    body: bytes)
            }
        } catch let error as MLError where error.code == .io { return (nil, error) }
        do { try access.require(answer, [201, 202], "write", key) } catch let error as MLError {
            guard error.code == .io || error.code == .notFound else { throw error }
            return (answer, error)
        }
        return (answer, MLError(.io, "\(access.name) answered \(answer.status) to: write '\(key)'"))
    }

    private func location(_ answer: HTTPRequest.Answer) throws -> String {
        guard let place = answer.headers["location"], !place.isEmpty else {
            throw MLError(.invalidInput, "\(access.name) names no place to write '\(key)' to")
        }
        return place.hasPrefix("/") ? access.base + place : place
    }
}
