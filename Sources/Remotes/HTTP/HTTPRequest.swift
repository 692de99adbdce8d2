import Base
import CCurl
import Glibc
import ObjectStore

/// One HTTP exchange through libcurl.
package struct HTTPRequest {
    package var method: String
    package var url: String
    package var headers: [String] = []
    var body: [UInt8]?
    /// A body that is read while it is sent, for what is larger than memory; instead of `body`.
    var stream: HTTPStream?
    /// Takes the body of an answer 200 to 299 while it comes in; other bodies are in the answer as always.
    var sink: HTTPSink?
    /// Whether credentials from netrc are used.
    var usesNetrc = true
    /// Answers the server's challenge instead of sending a password (RFC 7616).
    var digest: Digest?
    /// Whether another address that the server names is asked at once. Only what any server may see goes along to another
    /// host: never a header with credentials.
    package var followsRedirects = true
    /// Proxy, certificates and patience; nil takes what git's configuration says for the URL.
    var options: HTTPOptions?
    /// Seconds the whole exchange may take; nil: as long as something moves.
    package var timeout: Double?

    package init(
        method: String, url: String, headers: [String] = [], body: [UInt8]? = nil, stream: HTTPStream? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.stream = stream
    }

    /// Whose name and password answer a challenge; without a name, those in netrc.
    struct Digest: Sendable {
        var user: String?
        var password = ""
    }

    package struct Answer {
        package var status: Int
        package var body: [UInt8]
        /// What the server says the content's size is; -1 when it does not say.
        var length: Int64
        /// Headers of the last answer, by their names in lower case.
        var headers: [String: String] = [:]
    }

    /// What came of an exchange.
    package enum Outcome {
        case answer(Answer)
        /// No whole answer came.
        case failure(CURLcode, MLError)
    }

    /// - Parameter sink: takes the body of a successful answer as it comes, whatever its status.
    /// - Throws: `MLError(.io)` when no answer came; an answer of any status is returned. Errors of `sink`.
    func send(_ sink: ((UnsafeRawBufferPointer) throws -> Void)? = nil) throws -> Answer {
        func answer(_ request: HTTPRequest) throws -> Answer {
            switch try request.perform() {
            case .answer(let answer): return answer
            case .failure(_, let error): throw error
            }
        }
        guard let sink else { return try answer(self) }
        return try withoutActuallyEscaping(sink) { sink in
            var request = self
            request.sink = { _, bytes in try sink(bytes) }
            return try answer(request)
        }
    }

    /// The exchange, with libcurl's own code when it failed.
    ///
    /// - Throws: errors of `stream` and `sink`.
    package func perform() throws -> Outcome {
        var request = self
        for _ in 0..<5 {
            let outcome = try request.exchange()
            guard followsRedirects, case .answer(let answer) = outcome, let next = request.redirected(by: answer) else {
                return outcome
            }
            try request.stream?.rewind()
            request = next
        }
        throw MLError(.io, "'\(URLText.withoutCredentials(url))' sends from one address to the next without end")
    }

    /// What another host may see of a request.
    private static let harmless: Set<String> = [
        "accept", "range", "content-type", "depth", "if-match", "if-none-match", "if-modified-since",
    ]

    /// The request to the address that an answer names; nil for an answer that names none.
    private func redirected(by answer: Answer) -> HTTPRequest? {
        guard [301, 302, 303, 307, 308].contains(answer.status), let place = answer.headers["location"],
            let next = HTTPRequest.resolve(place, against: url)
        else { return nil }
        var request = self
        request.url = next
        if answer.status < 307 && method == "POST" || answer.status == 303 {
            request.method = method == "HEAD" ? "HEAD" : "GET"
            (request.body, request.stream) = (nil, nil)
        }
        if URLText.origin(next) != URLText.origin(url) {
            request.headers.removeAll { header in
                !HTTPRequest.harmless.contains(header.prefix { $0 != ":" }.lowercased())
            }
            request.options = nil
            request.digest = nil
        }
        return request
    }

    /// An absolute address (RFC 3986, section 5.2, as far as servers use it); nil for one that is not HTTP.
    private static func resolve(_ place: String, against base: String) -> String? {
        if place.hasPrefix("http://") || place.hasPrefix("https://") { return place }
        if place.hasPrefix("//") { return base.prefix { $0 != ":" } + ":" + place }
        if place.hasPrefix("/") { return URLText.origin(base) + place }
        guard !place.contains(":"), let slash = base.prefix(while: { $0 != "?" }).lastIndex(of: "/") else { return nil }
        return base[...slash] + place
    }

    private func exchange() throws -> Outcome {
        guard let handle = HTTPHandles.shared.take() else { throw MLError(.io, "cannot start libcurl") }
        defer { HTTPHandles.shared.giveBack(handle) }
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers + ["Expect:"] { list = curl_slist_append(list, header) }
        defer { curl_slist_free_all(list) }
        let transfer = Transfer(handle, stream ?? HTTPStream(body ?? []), sink)
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        var words = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))

        _ = gitml_curl_text(handle, CURLOPT_URL, url)
        _ = gitml_curl_text(handle, CURLOPT_USERAGENT, "git-ml")
        _ = gitml_curl_pointer(handle, CURLOPT_HTTPHEADER, list)
        if usesNetrc { _ = gitml_curl_number(handle, CURLOPT_NETRC, Int(CURL_NETRC_OPTIONAL.rawValue)) }
        if let digest {
            _ = gitml_curl_number(handle, CURLOPT_HTTPAUTH, gitml_curl_digest)
            if let user = digest.user {
                _ = gitml_curl_text(handle, CURLOPT_USERNAME, user)
                _ = gitml_curl_text(handle, CURLOPT_PASSWORD, digest.password)
            }
        }
        _ = gitml_curl_number(handle, CURLOPT_PATH_AS_IS, 1)
        _ = gitml_curl_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        _ = gitml_curl_number(handle, CURLOPT_NOSIGNAL, 1)
        (options ?? HTTPSettings.options(for: url)).apply(to: handle)
        if let timeout { _ = gitml_curl_number(handle, CURLOPT_TIMEOUT_MS, max(1, Int(min(timeout, 1e6) * 1000))) }
        _ = gitml_curl_function(handle, CURLOPT_WRITEFUNCTION, receiveBytes)
        _ = gitml_curl_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = gitml_curl_function(handle, CURLOPT_HEADERFUNCTION, receiveHeader)
        _ = gitml_curl_pointer(handle, CURLOPT_HEADERDATA, context)
        if method == "HEAD" {
            _ = gitml_curl_number(handle, CURLOPT_NOBODY, 1)
        } else if method == "PUT" || body != nil || stream != nil {
            _ = gitml_curl_number(handle, CURLOPT_UPLOAD, 1)
            if method != "PUT" { _ = gitml_curl_text(handle, CURLOPT_CUSTOMREQUEST, method) }
            _ = gitml_curl_large(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(transfer.stream.length))
            _ = gitml_curl_function(handle, CURLOPT_READFUNCTION, sendBytes)
            _ = gitml_curl_pointer(handle, CURLOPT_READDATA, context)
            _ = gitml_curl_seek(handle, rewindBytes)
            _ = gitml_curl_pointer(handle, CURLOPT_SEEKDATA, context)
        } else if method != "GET" {
            _ = gitml_curl_text(handle, CURLOPT_CUSTOMREQUEST, method)
        }
        let result = words.withUnsafeMutableBufferPointer { buffer in
            _ = gitml_curl_pointer(handle, CURLOPT_ERRORBUFFER, buffer.baseAddress)
            return curl_easy_perform(handle)
        }
        Trace.note("\(method) \(URLText.withoutCredentials(url)): \(transfer.status), \(transfer.sent) bytes up")
        if let failure = transfer.failure { throw failure }
        guard result == CURLE_OK else {
            let own = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let text = own.isEmpty ? String(cString: curl_easy_strerror(result)) : own
            return .failure(
                result,
                MLError(.io, "cannot reach '\(URLText.withoutCredentials(String(url.prefix { $0 != "?" })))': \(text)"))
        }
        var length: curl_off_t = -1
        _ = gitml_curl_length(handle, &length)
        return .answer(
            Answer(
                status: transfer.status, body: transfer.incoming, length: Int64(length), headers: transfer.headers))
    }
}

/// The state of one exchange that libcurl's callbacks share.
private final class Transfer {
    let stream: HTTPStream
    let sink: HTTPSink?
    let handle: UnsafeMutableRawPointer
    var sent = 0
    var incoming: [UInt8] = []
    var headers: [String: String] = [:]
    /// What a stream or a sink threw.
    var failure: (any Error)?

    init(_ handle: UnsafeMutableRawPointer, _ stream: HTTPStream, _ sink: HTTPSink?) {
        self.handle = handle
        self.stream = stream
        self.sink = sink
    }

    var status: Int {
        var status = 0
        _ = gitml_curl_status(handle, &status)
        return status
    }

    /// What the server says the body's length is, in bytes, as far as memory is set aside on its word.
    var announcedLength: Int {
        var length: curl_off_t = 0
        _ = gitml_curl_length(handle, &length)
        return Int(min(max(length, 0), 64 << 20))
    }

    /// Runs what may throw; an error ends the exchange.
    func attempt(_ body: () throws -> Int, otherwise: Int) -> Int {
        do { return try body() } catch {
            failure = error
            return otherwise
        }
    }
}

private let receiveBytes: gitml_transfer = { data, size, count, context in
    guard let data, let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let bytes = UnsafeRawBufferPointer(start: data, count: size * count)
    Line.passed(bytes.count)
    let status = transfer.sink == nil ? 0 : transfer.status
    guard let sink = transfer.sink, (200..<300).contains(status) else {
        if transfer.incoming.isEmpty { transfer.incoming.reserveCapacity(transfer.announcedLength) }
        transfer.incoming.append(contentsOf: bytes)
        return bytes.count
    }
    return transfer.attempt(
        {
            try sink(status, bytes); return bytes.count
        }, otherwise: 0)
}

private let receiveHeader: gitml_transfer = { data, size, count, context in
    guard let data, let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let line = String(decoding: UnsafeRawBufferPointer(start: data, count: size * count), as: UTF8.self)
    if line.hasPrefix("HTTP/") {
        // After a redirect only the last answer counts.
        transfer.headers = [:]
    } else if let colon = line.firstIndex(of: ":") {
        let value = line[line.index(after: colon)...].drop { $0 == " " }.prefix { $0 != "\r\n" && $0 != "\n" }
        let name = line[..<colon].lowercased()
        // A server that takes several kinds of proof names each on a line of its own.
        let earlier = name == "www-authenticate" ? transfer.headers[name].map { $0 + ", " } ?? "" : ""
        transfer.headers[name] = earlier + String(value)
    }
    return size * count
}

private let sendBytes: gitml_transfer = { data, size, count, context in
    guard let data, let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let buffer = UnsafeMutableRawBufferPointer(start: data, count: size * count)
    let count = transfer.attempt({ try transfer.stream.read(buffer) }, otherwise: Int(CURL_READFUNC_ABORT))
    if transfer.failure == nil {
        transfer.sent += count
        Line.passed(count)
    }
    return count
}

/// libcurl sends a body again after a redirect, and when a kept connection turned out to be closed.
private let rewindBytes: gitml_seek = { context, offset, origin in
    guard let context, offset == 0, origin == SEEK_SET else { return Int32(CURL_SEEKFUNC_CANTSEEK) }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let answer = transfer.attempt(
        {
            try transfer.stream.rewind(); return Int(CURL_SEEKFUNC_OK)
        }, otherwise: Int(CURL_SEEKFUNC_FAIL))
    return Int32(answer)
}
