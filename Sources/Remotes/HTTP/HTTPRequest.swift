import Base
import CCurl
import Glibc

/// One HTTP exchange through libcurl.
struct HTTPRequest {
    var method: String
    var url: String
    var headers: [String] = []
    var body: [UInt8]?

    struct Answer {
        var status: Int
        /// Empty when a sink took it.
        var body: [UInt8]
        /// The last answer's headers, names in lower case.
        var headers: [String: String]
        /// What the server says the content's size is; -1 when it does not say.
        var length: Int64
    }

    /// Bytes per second below which, for half a minute, a transfer counts as stalled.
    private static let stallLimit = 1

    /// - Parameter sink: takes the body of a successful answer (200 to 299) as it comes; without one it is collected.
    /// - Throws: `MLError(.io)` when no answer came; an answer of any status is returned. Errors of `sink`.
    func send(_ sink: ((UnsafeRawBufferPointer) throws -> Void)? = nil) throws -> Answer {
        guard let sink else { return try perform(Transfer(body ?? [])) }
        return try withoutActuallyEscaping(sink) { sink in
            try perform(Transfer(body ?? [], sink))
        }
    }

    private func perform(_ transfer: Transfer) throws -> Answer {
        _ = HTTPRequest.start
        guard let handle = curl_easy_init() else { throw MLError(.io, "cannot start libcurl") }
        defer { curl_easy_cleanup(handle) }
        var list: UnsafeMutablePointer<curl_slist>?
        for header in headers + ["Expect:"] { list = curl_slist_append(list, header) }
        defer { curl_slist_free_all(list) }
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        var words = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))

        _ = gitml_curl_text(handle, CURLOPT_URL, url)
        _ = gitml_curl_text(handle, CURLOPT_USERAGENT, "git-ml")
        _ = gitml_curl_pointer(handle, CURLOPT_HTTPHEADER, list)
        _ = gitml_curl_number(handle, CURLOPT_NETRC, Int(CURL_NETRC_OPTIONAL.rawValue))
        _ = gitml_curl_number(handle, CURLOPT_FOLLOWLOCATION, 1)
        _ = gitml_curl_number(handle, CURLOPT_MAXREDIRS, 5)
        _ = gitml_curl_text(handle, CURLOPT_PROTOCOLS_STR, "http,https")
        _ = gitml_curl_number(handle, CURLOPT_NOSIGNAL, 1)
        _ = gitml_curl_number(handle, CURLOPT_CONNECTTIMEOUT, 30)
        _ = gitml_curl_number(handle, CURLOPT_LOW_SPEED_LIMIT, HTTPRequest.stallLimit)
        _ = gitml_curl_number(handle, CURLOPT_LOW_SPEED_TIME, 30)
        _ = gitml_curl_function(handle, CURLOPT_WRITEFUNCTION, receiveBytes)
        _ = gitml_curl_pointer(handle, CURLOPT_WRITEDATA, context)
        _ = gitml_curl_function(handle, CURLOPT_HEADERFUNCTION, receiveHeader)
        _ = gitml_curl_pointer(handle, CURLOPT_HEADERDATA, context)
        if method == "HEAD" {
            _ = gitml_curl_number(handle, CURLOPT_NOBODY, 1)
        } else if method == "PUT" {
            _ = gitml_curl_number(handle, CURLOPT_UPLOAD, 1)
            _ = gitml_curl_large(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(transfer.outgoing.count))
            _ = gitml_curl_function(handle, CURLOPT_READFUNCTION, sendBytes)
            _ = gitml_curl_pointer(handle, CURLOPT_READDATA, context)
        } else if method != "GET" {
            _ = gitml_curl_text(handle, CURLOPT_CUSTOMREQUEST, method)
        }
        let result = words.withUnsafeMutableBufferPointer { buffer in
            _ = gitml_curl_pointer(handle, CURLOPT_ERRORBUFFER, buffer.baseAddress)
            return curl_easy_perform(handle)
        }
        Trace.note("\(method) \(URLText.withoutCredentials(url)): \(transfer.status), \(transfer.outgoing.count) bytes up")
        if let failure = transfer.failure { throw failure }
        guard result == CURLE_OK else {
            let own = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let text = own.isEmpty ? String(cString: curl_easy_strerror(result)) : own
            throw MLError(.io, "cannot reach '\(URLText.withoutCredentials(url))': \(text)")
        }
        var status = 0
        _ = gitml_curl_status(handle, &status)
        var length: curl_off_t = -1
        _ = gitml_curl_length(handle, &length)
        return Answer(
            status: status, body: transfer.incoming, headers: transfer.headers, length: Int64(length))
    }

    private static let start: Void = { curl_global_init(Int(CURL_GLOBAL_DEFAULT)) }()
}

private final class Transfer {
    let outgoing: [UInt8]
    var sent = 0
    var incoming: [UInt8] = []
    var headers: [String: String] = [:]
    var status = 0
    /// What the sink threw; libcurl only learns that it must stop.
    var failure: (any Error)?
    private let sink: ((UnsafeRawBufferPointer) throws -> Void)?

    init(_ outgoing: [UInt8], _ sink: ((UnsafeRawBufferPointer) throws -> Void)? = nil) {
        self.outgoing = outgoing
        self.sink = sink
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let sink, (200..<300).contains(status) else {
            incoming.append(contentsOf: bytes)
            return true
        }
        do {
            try sink(bytes)
            return true
        } catch {
            failure = error
            return false
        }
    }

    /// A line `Name: value`, or the status line that begins the headers of an answer.
    func takeHeader(_ bytes: UnsafeRawBufferPointer) {
        let line = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\r\n" && $0 != "\n" && $0 != "\r" }
        if line.hasPrefix("HTTP/") {
            headers = [:]
            status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            headers[line[..<colon].lowercased()] = String(value)
        }
    }
}

private let receiveHeader: gitml_transfer = { data, size, count, context in
    guard let data, let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    transfer.takeHeader(UnsafeRawBufferPointer(start: data, count: size * count))
    return size * count
}

private let receiveBytes: gitml_transfer = { data, size, count, context in
    guard let data, let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    return transfer.take(UnsafeRawBufferPointer(start: data, count: size * count)) ? size * count : 0
}

private let sendBytes: gitml_transfer = { data, size, count, context in
    guard let data, let context else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let part = min(size * count, transfer.outgoing.count - transfer.sent)
    transfer.outgoing.withUnsafeBytes { bytes in
        _ = bytes.baseAddress.map { memcpy(data, $0 + transfer.sent, part) }
    }
    transfer.sent += part
    return part
}
