// What F# makes of closures, unions, tail calls, computation expressions, printf: CIL that C# compilers do not write.
module Functional
open System
open System.Collections.Generic
open System.Text

let out = StringBuilder()
let log fmt = Printf.kprintf (fun s -> out.Append(s).Append('\n') |> ignore) fmt

[<Struct>] type SU = | A of a:int | B of b:float * c:string | C
type U = | Leaf | Node of U * int * U | Named of string
[<Struct>] type SR = { X:int; Y:byte; Z:obj }
type R = { mutable N:int; L:string list; F:int -> int }
[<Measure>] type m
[<Measure>] type s
exception MyErr of int * string

let rec even n = if n = 0 then true else odd (n-1)
and odd n = if n = 0 then false else even (n-1)
let rec evenBig (n:int64) (a:obj) (b:string) (c:float) (d:int) (e:int) (f:int) (g:int) : obj = if n = 0L then box (a, b, c, d+e+f+g) else oddBig (n-1L) b a c (d+1) e f g
and oddBig (n:int64) (b:string) (a:obj) (c:float) (d:int) (e:int) (f:int) (g:int) : obj = if n = 0L then box "odd" else evenBig (n-1L) a b (c+1.0) d e (f+1) g
let rec cps n k = if n = 0 then k 1 else cps (n-1) (fun r -> k (r+1))
let rec insert x = function Leaf -> Node(Leaf,x,Leaf) | Node(l,y,r) as t -> (if x < y then Node(insert x l,y,r) elif x > y then Node(l,y,insert x r) else t) | Named _ as n -> n
let rec fold f acc = function Leaf -> acc | Node(l,x,r) -> fold f (f (fold f acc l) x) r | Named s -> acc + s.Length
let inline add (a:^T) (b:^T) : ^T = a + b
let inline sumAll (xs: ^T seq) = Seq.fold (+) LanguagePrimitives.GenericZero xs
let (|Even|Odd|) n = if n % 2 = 0 then Even else Odd
let (|Mult|_|) k n = if n % k = 0 then Some (n/k) else None
let classify n = match n with Mult 15 q -> sprintf "fb%d" q | Mult 3 q -> sprintf "f%d" q | Mult 5 q -> sprintf "b%d" q | Even -> "e" | Odd -> "o"
let su = function A 3 -> "three" | A x when x > 10 -> "big" | A x -> string x | B(b,c) -> c + string b | C -> "c"
let tryIt n =
    try
        try
            match n with
            | 0 -> raise (MyErr(4,"x"))
            | 1 -> failwith "boo"
            | 2 -> invalidArg "n" "bad"
            | 3 -> (null:string).Length |> string
            | 4 -> [1;2;3] |> List.item 7 |> string
            | 5 -> string (Map.find 3 (Map.ofList [1,2]))
            | 6 -> string (1 / (n-6))
            | 7 -> (match box "s" with :? int as i -> string i | :? string as s when s.Length > 4 -> s | _ -> raise (KeyNotFoundException()))
            | _ -> "none"
        with
        | MyErr(a,b) when a > 3 -> sprintf "my %d %s" a b
        | Failure m -> "fail " + m
        | :? ArgumentException as e when e.ParamName = "n" -> "arg " + e.ParamName
        | :? NullReferenceException -> reraise()
    finally log "finally %d" n
let seqs = seq { for i in 1..5 do
                   if i % 2 = 0 then yield i * i
                   else yield! seq { yield i; yield -i }
                 try
                    yield 100
                 finally log "seq end" }
let asyncs = async {
    let! a = async { return 3 }
    do! Async.Sleep 1
    use d = { new IDisposable with member x.Dispose() = () }
    try
        let! xs = [ for i in 1..20 -> async { let! _ = Async.Sleep 1 in return i * a } ] |> Async.Parallel
        if xs.Length = 20 then failwith "asyncfail"
        return Array.sum xs
    with Failure m -> log "caught %s" m; return 17 }
let mail () =
    let mb = MailboxProcessor.Start(fun inbox ->
        let rec loop n acc = async {
            let! (msg:int, (rc:AsyncReplyChannel<int>)) = inbox.Receive()
            rc.Reply(acc + msg)
            if n < 200 then return! loop (n+1) (acc+msg) }
        loop 0 0)
    [ for i in 1..100 -> mb.PostAndReply(fun rc -> (i, rc)) ] |> List.last
let objExpr k = { new IComparer<int> with member __.Compare(a,b) = compare (a % k) (b % k) }
let structTuple (struct(a:int,b:string)) = struct(b, a + 1, 2.5)
let incr2 (r: byref<int>) = r <- r + 1
let byrefs () =
    let mutable x = 5
    let arr = [| 1L; 2L; 3L |]
    incr2 &x
    let p = &arr.[1]
    p <- 77L
    let sp = [|1;2;3;4|]
    let mutable t = 0
    for i in 0..sp.Length-1 do t <- t + sp.[i]
    x, arr.[1], t
let closures () =
    let fs = [ for i in 1..4 -> fun x y z -> x * i + y - z ]
    let partial = fs |> List.map (fun f -> f 10 20)
    let compose = List.fold (>>) id [ (+) 1; (*) 2; (fun x -> x - 3) ]
    partial |> List.map (fun f -> f 5), compose 7
let generic<'T when 'T : comparison> (xs: 'T list) = xs |> List.sortDescending |> List.distinct |> List.rev
type Shape(n:int) =
    abstract Area : unit -> float
    default x.Area() = float n
    member x.Item with get i = n + i
    static member (+) (a:Shape, b:Shape) = Shape(a.[0] + b.[0])
    override x.ToString() = sprintf "Shape %g" (x.Area())
type Sq(n) =
    inherit Shape(n)
    override x.Area() = base.Area() * float n
    interface IDisposable with member x.Dispose() = log "sq disposed"
let memo f = let d = Dictionary<_,_>() in fun x -> (match d.TryGetValue x with | true, v -> v | _ -> let v = f x in d.[x] <- v; v)
let rec fib = memo (fun n -> if n < 2 then bigint n else fib (n-1) + fib (n-2))
let quote = <@ fun x -> if x > 3 then x + 1 else (let y = x * 2 in y) @>
let rec ack m n = match m, n with 0, n -> n + 1 | m, 0 -> ack (m-1) 1 | m, n -> ack (m-1) (ack m (n-1))
let lazies = let c = ref 0 in let l = lazy (incr c; !c * 10) in (l.Force() + l.Force(), !c)
let loops () =
    let mutable t = 0L
    for i in 10L .. -3L .. -20L do t <- t * 3L + i
    for c in 'a'..'f' do t <- t + int64 c
    for x in [| 1.5; 2.5 |] do t <- t + int64 x
    let mutable i = 0
    while i < 100 do
        i <- i + (if i % 7 = 0 then 3 else 1)
        t <- t ^^^ (int64 i <<< (i % 60))
    t
let conv () =
    [ box (int8 300); box (uint8 -1); box (int16 70000.5); box (uint32 -1); box (int64 1e18); box (uint64 1.8e19); box (float32 0.1); box (decimal 3.75); box (char 66); box (nativeint 5); box (int "-12"); box (float "2.5")
      (try box (Checked.int8 300) with e -> box (e.GetType().Name)); (try box (Checked.(+) Int32.MaxValue 1) with e -> box (e.GetType().Name)); (try box (Checked.uint32 -1) with e -> box (e.GetType().Name)) ]
let strs () = String.concat "," [ "abc" |> String.map Char.ToUpper; String.replicate 3 "xy"; sprintf "%5d|%-5s|%08.3f|%x|%A|%O|%+d|%c|%b" 42 "ab" 3.14159 255 [Some 1; None] (1,"t") 5 'q' true; sprintf "%A" { X=1; Y=2uy; Z="z" }; sprintf "%A" (Node(Leaf,3,Named "q")); (A 3).ToString() ]
let setmap () =
    let s = Set.ofSeq [ for i in 0..50 -> (i * 37) % 23 ]
    let m = Seq.fold (fun m i -> Map.add (i % 7, string (i % 3)) (i + (defaultArg (Map.tryFind (i % 7, string (i % 3)) m) 0)) m) Map.empty [0..60]
    Set.count s, Set.maxElement s, m |> Map.toList |> List.truncate 5, m |> Map.filter (fun (a,_) v -> v > 100 && a < 3) |> Map.count
let evts () =
    let e = Event<int>()
    let got = ResizeArray()
    e.Publish |> Observable.filter (fun x -> x > 2) |> Observable.map string |> Observable.add got.Add
    e.Publish.Add(fun x -> if x = 3 then got.Add "three")
    for i in 1..4 do e.Trigger i
    String.Join("/", got)
let tailExn n = let rec f i acc = (if i = 0 then raise (MyErr(acc,"deep")) else f (i-1) (acc+i)) in (try f n 0 with MyErr(a,_) -> a)
let rec sumTo (xs: int list) acc = match xs with [] -> acc | x::t -> sumTo t (acc + x)
let rec mutualList a xs = match xs with [] -> List.length a | x::t -> mutualList2 (x::a) t "s"
and mutualList2 a xs (q:string) = match xs with [] -> List.length a + q.Length | _::t -> mutualList a t
let body () =
    out.Clear() |> ignore
    log "%b %b" (even 1000001) (odd 1000001)
    log "%A" (evenBig 300000L (box "a") "b" 0.5 1 2 3 4)
    log "%d" (cps 100000 id)
    let t = Seq.fold (fun t x -> insert x t) Leaf [ for i in 1..200 -> (i * 7919) % 211 ]
    log "%d" (fold (+) 0 t)
    log "%d %s %g %M" (add 1 2) (add "a" "b") (add 1.5 2.5) (add 1M 2.5M)
    log "%d %g %A" (sumAll [1..10]) (sumAll [1.5;2.5]) (sumAll [3I;4I])
    log "%s" ([1..31] |> List.map classify |> String.concat " ")
    log "%s" ([A 3; A 30; A 4; B(2.5,"z"); C] |> List.map su |> String.concat " ")
    for i in 0..8 do log "%s" (try tryIt i with e -> e.GetType().Name + " " + (e.StackTrace.Split('\n').Length > 0).ToString())
    log "%A" (Seq.toList seqs)
    use en = seqs.GetEnumerator()
    en.MoveNext() |> ignore
    log "%d" (Async.RunSynchronously asyncs)
    log "%d" (mail ())
    log "%A" (List.sortWith (fun a b -> (objExpr 5).Compare(a,b)) [ for i in 1..12 -> i * 3 ])
    log "%A" (let struct(a,b,c) = structTuple (struct(4,"q")) in (a,b,c))
    log "%A" (byrefs ())
    log "%A" (closures ())
    log "%A %A" (generic [3;1;2;3]) (generic ["b";"a";"b"])
    (use q = new Sq(5) in log "%O %O %d" (q :> Shape + Shape 3) q q.[4])
    log "%A" (fib 150)
    log "%A" quote
    log "%d" (ack 2 9)
    log "%A" lazies
    log "%d" (loops ())
    log "%A" (conv ())
    log "%s" (strs ())
    log "%A" (setmap ())
    log "%s" (evts ())
    log "%d" (tailExn 60000)
    log "%d" (sumTo [1..100000] 0)
    log "%d" (mutualList [] [1..100000])
    log "%A" (compare (1,"a",[2.0]) (1,"a",[nan]), hash (1,2.5), (3,[|1;2|]) = (3,[|1;2|]), { X=1; Y=2uy; Z=null } = { X=1; Y=2uy; Z=null }, compare (A 3) C)
    log "%A" (1.0<m> / 2.0<s> * 3.0<s>)
    log "%A" (Array.Parallel.map (fun i -> i * i) [|1..50|] |> Array.sum)
    log "%A" (Array2D.init 3 4 (fun i j -> i * j) |> fun a -> a.[2,3], Array.zip3 [|1;2|] [|'a';'b'|] [|"x";"y"|], [1..10] |> List.windowed 3 |> List.length, List.unfold (fun s -> if s > 50 then None else Some(s, s*2)) 1, Seq.cache (seq { for i in 1..3 -> i }) |> Seq.pairwise |> Seq.toList)
    out.ToString()
[<EntryPoint>]
let main argv =
    let first = body ()
    let n = match Environment.GetEnvironmentVariable "NATIVEGEN_REPEAT_MS" with null -> 1 | _ -> 4
    let stress = Environment.GetEnvironmentVariable "NATIVEGEN_GC_STRESS" = "1"
    let stop = ref false
    if stress then Threading.Thread((fun () -> while not !stop do (GC.Collect(GC.CollectionCount 0 % 3, GCCollectionMode.Forced, true, true); Threading.Thread.Sleep 3)), IsBackground = true).Start()
    for i in 2..n do if body () <> first then printfn "run %d differs" i; printfn "%s" (body ())
    stop := true
    printf "%s" first
    0
