package sqlite

const actVariable = "OFFLOAD_TEST_ACT"

func actAlone(string) int { return 1 }
