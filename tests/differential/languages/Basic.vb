' What Visual Basic makes of filters, On Error, late binding, conversions, static locals: CIL that C# compilers do not write.
Option Infer On
Option Strict Off
Option Explicit Off
Imports System
Imports System.Text
Imports System.Collections.Generic
Imports System.Linq
Imports Microsoft.VisualBasic
Module Basic
  Dim o As New StringBuilder()
  Sub L(s As String)
    o.Append(s).Append(vbLf)
  End Sub
  Function Flt(n As String, r As Boolean) As Boolean
    o.Append("[" & n & "]")
    Return r
  End Function
  Function Filters(k As Integer) As String
    Dim x As Integer = 1
    Try
      Try
        x += 1
        If k = 0 Then Throw New ArgumentException("a")
        If k = 1 Then Throw New InvalidOperationException("b")
        If k = 2 Then Error 11
        If k = 3 Then Dim z As Integer = x \ (k - 3)
        Return "none" & x
      Catch ex As ArgumentException When x = 2 AndAlso Flt("f1" & ex.Message, True)
        x = 10
        If k = 0 Then Exit Try
        Return "never"
      Catch ex As Exception When Flt("f2" & Err.Number, k = 1)
        x += 100
        Return "two" & x
      Finally
        x += 1000
        L("fin" & x)
      End Try
    Catch When Err.Number = 11
      Return "err11 " & x & Err.Description
    End Try
    Return "after" & x
  End Function
  Function Resume1() As String
    Dim a() As Integer = {1, 2}
    Dim r As String = ""
    On Error Resume Next
    r &= a(5)
    r &= "x" & Err.Number
    Dim s As String = Nothing
    r &= s.Length
    r &= "y" & Err.Number
    Err.Clear()
    r &= CInt("abc")
    r &= "z" & Err.Number & Err.Description
    For i As Integer = 0 To 3
      r &= 10 \ (i - 1)
      r &= ","
    Next
    On Error GoTo 0
    Return r
  End Function
  Function GoTo1(k As Integer) As String
    Dim r As String = ""
    Dim n As Integer = 0
    On Error GoTo Handler
    r &= "a"
    If k = 1 Then Err.Raise(513, "src", "raised")
    r &= "b"
    If k = 2 Then r &= (10 \ n)
    r &= "c"
    If k = 3 Then
      Dim d As Object = Nothing
      r &= d.Foo
    End If
    r &= "d"
    Return r
Handler:
    r &= "H" & Err.Number
    n += 2
    If k = 1 Then Resume Next
    If k = 2 Then Resume
    Resume Done
Done:
    Return r & "done"
  End Function
  Class Late
    Public F As Integer = 4
    Public Property P(i As Integer) As String
      Get
        Return "P" & i & F
      End Get
      Set(v As String)
        F = v.Length + i
      End Set
    End Property
    Default Public ReadOnly Property It(s As String) As String
      Get
        Return "D" & s
      End Get
    End Property
    Public Function M(ByRef a As Integer, Optional b As String = "opt", Optional c As Date? = Nothing) As String
      a += 1
      Return a & b & c.HasValue
    End Function
    Public Function M(a As Double) As String
      Return "dbl" & a
    End Function
    Public Function PA(ParamArray a() As Object) As String
      Return a.Length & ":" & String.Join("/", a)
    End Function
  End Class
  Structure S
    Public A As Integer
    Public B As String
    <VBFixedString(5)> Public C As String
    Public Shared Operator +(x As S, y As S) As S
      Return New S With {.A = x.A + y.A, .B = x.B & y.B}
    End Operator
    Public Shared Widening Operator CType(x As Integer) As S
      Return New S With {.A = x}
    End Operator
    Public Shared Operator IsTrue(x As S) As Boolean
      Return x.A > 3
    End Operator
    Public Shared Operator IsFalse(x As S) As Boolean
      Return x.A <= 3
    End Operator
    Public Shared Operator Or(x As S, y As S) As S
      Return New S With {.A = Math.Max(x.A, y.A)}
    End Operator
  End Structure
  Function LateBind() As String
    Dim q As Object = New Late()
    Dim n As Object = 5
    Dim r As String = q.M(n) & n & q.M(2.5) & q.P(3)
    q.P(2) = "four"
    q.F += 10
    r &= q.F & q!key & q("k2") & q.PA(1, "a", Nothing, 2.5) & q.M(a:=3, b:="named")
    Try
      q.Nope()
    Catch ex As MissingMemberException
      r &= "missing"
    End Try
    Dim arr As Object = New Integer() {1, 2, 3}
    arr(1) = 20
    r &= arr(1) + arr(2) & TypeName(arr) & VarType(n)
    Dim a As Object = "5", b As Object = 3
    r &= (a + b) & (a & b) & (a * b) & (a > b) & (b Mod 2) & (b ^ 2) & (Not b) & (a Like "#") & (-b) & (a = "5")
    Return r
  End Function
  Function Convs() As String
    Dim r As String = CInt(2.5) & CInt(3.5) & CLng(-2.5) & CByte(True) & CBool("True") & CShort(&HF) & CDec("1.5") & Int(-2.5) & Fix(-2.5) & CSng(0.1) & CStr(#1/2/2020#) & CChar("xyz")
    For Each d As Double In {2147483647.5, -1.0, 255.5, 1.0E+20, Double.NaN}
      Try
        r &= CInt(d) & ";"
      Catch ex As OverflowException
        r &= "ovf;"
      End Try
      Try
        r &= CByte(d) & ";"
      Catch ex As OverflowException
        r &= "ovf;"
      End Try
      Try
        r &= CULng(d) & ";"
      Catch ex As OverflowException
        r &= "ovf;"
      End Try
    Next
    Return r
  End Function
  Function Arrays() As String
    Dim m(2, 3) As Integer
    For i = 0 To 2
      For j = 0 To 3
        m(i, j) = i * 10 + j
      Next
    Next
    Dim d() As String = {"a", "b", "c"}
    ReDim Preserve d(5)
    d(5) = "f"
    Dim jag()() As Integer = {New Integer() {1}, New Integer() {2, 3}}
    Dim lb = Array.CreateInstance(GetType(Integer), {3, 2}, {5, -1})
    lb.SetValue(7, 6, -1)
    Return m(2, 3) & UBound(m, 2) & d.Length & d(5) & jag(1)(1) & lb.GetValue(6, -1) & LBound(lb, 1) & Join(Filter(New String() {"ab", "cd", "abc"}, "ab"), "-")
  End Function
  Iterator Function Its(n As Integer) As IEnumerable(Of Integer)
    Try
      For i = n To 1 Step -2
        Yield i
      Next
    Finally
      L("its")
    End Try
  End Function
  Async Function Asy(n As Integer) As System.Threading.Tasks.Task(Of String)
    Try
      Await System.Threading.Tasks.Task.Delay(1)
      If n = 2 Then Throw New Exception("asy")
      Return "ok" & n
    Catch ex As Exception When ex.Message = "asy"
      Return "caught"
    End Try
  End Function
  Sub ByRefs(ByRef a As Integer, ByRef s As S, ByRef o As Object)
    a *= 2
    s.A += a
    s.B &= "r"
    o = a & s.B
  End Sub
  Property Prop As Integer = 3
  Function Misc() As String
    Dim st As S = 3
    Dim ob As Object = Nothing
    Dim arr() As S = {1, 2}
    ByRefs(Prop, arr(1), ob)
    ByRefs(arr(0).A, st, ob)
    Static cnt As Integer = 0
    cnt = (cnt + 1) Mod 1
    Dim k As Long = 1L << 35
    Dim sel As String = ""
    For Each v In New Object() {1, 3.5, Nothing, 7, 15, "6"}
      Select Case v
        Case 1 : sel &= "one"
        Case 6 To 9 : sel &= "6-9"
        Case Is > 10 : sel &= "big"

        Case Else : sel &= "else"
      End Select
    Next
    Dim x = <a b="3"><%= sel %></a>
    Dim anon = New With {Key .A = 1, .B = "z"}
    Dim q = From i In Enumerable.Range(1, 10) Where i Mod 3 = 0 Group By key = i Mod 2 Into Group, Count() Order By key Select key & Count
    Dim lam = Function(z As Integer) If(z > 2, z.ToString(), Nothing)
    Dim dt As Date = #12/31/2019 11:59:59 PM#
    If (st Or New S With {.A = 9}) Then sel &= "istrue"
    Dim n As Integer? = Nothing
    Dim n2 = n + 3
    Return Prop & arr(0).A & arr(1).A & arr(1).B & st.A & ob & cnt & k & x.ToString() & anon.ToString() & String.Join(",", q) & lam(5) & If(lam(1), "nil") & dt.AddSeconds(1).ToString("s") & (n2 Is Nothing) & (n > 3).GetValueOrDefault() & Mid("hello", 2, 3) & Strings.StrReverse("abc") & Format(1234.5, "0.00") & (7 \ 2) & (7 / 2) & (-7 Mod 3) & (2 ^ 10) & ("a" Like "[a-c]") & sel
  End Function
  Function Body() As String
    o.Clear()
    Prop = 3
    For k = 0 To 4
      L(Filters(k))
    Next
    L(Resume1())
    For k = 0 To 3
      L(GoTo1(k))
    Next
    L(LateBind())
    L(Convs())
    L(Arrays())
    L(String.Join(",", Its(9)) & Its(5).First())
    L(Asy(1).Result & Asy(2).Result)
    L(Misc())
    Return o.ToString()
  End Function
  Function Main() As Integer
    Dim first = Body()
    If Environment.GetEnvironmentVariable("NATIVEGEN_GC_STRESS") = "1" Then
      Dim t As New System.Threading.Thread(Sub()
        Dim n = 0
        While True
          n += 1
          GC.Collect(n Mod 3, GCCollectionMode.Forced, True, True)
          System.Threading.Thread.Sleep(2)
        End While
      End Sub)
      t.IsBackground = True
      t.Start()
    End If
    If Environment.GetEnvironmentVariable("NATIVEGEN_REPEAT_MS") <> "" Then
      For i = 1 To 40
        Dim again = Body()
        If again <> first Then
          Console.WriteLine("run differs " & again)
          Return 9
        End If
      Next
    End If
    Console.Write(first)
    Return 0
  End Function
End Module
