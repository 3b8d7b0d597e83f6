package rehearsals

func render(suite, again []outcome) string { return "" }
func verify(suite, again []outcome) error  { return nil }
