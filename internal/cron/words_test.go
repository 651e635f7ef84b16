package cron

import "testing"

func TestWords(t *testing.T) {
	for expr, want := range map[string]string{
		"* * * * *":            "each minute",
		"*/15 * * * *":         "every 15 minutes",
		"*/7 * * * *":          "at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56",
		"5 * * * *":            "each hour at minute 5",
		"@hourly":              "each hour at minute 0",
		"0 3 * * *":            "at 03:00 each day",
		"@weekly":              "at 00:00 on Sundays",
		"@yearly":              "at 00:00 on the 1st of the month in January",
		"0 9 * * MON#1":        "at 09:00 on the first Monday of the month",
		"0 9 * * FRIL":         "at 09:00 on the last Friday of the month",
		"30 8,17 * * MON-FRI":  "at 08:30 and 17:30 on Monday to Friday",
		"0 0 * * SAT,SUN":      "at 00:00 on Saturdays and Sundays",
		"0 0 * * SUN,MON":      "at 00:00 on Mondays and Sundays",
		"*/10 9-17 * * *":      "every 10 minutes from 09:00 to 17:59",
		"0 9-17 * * *":         "each hour from 09:00 to 17:00",
		"0 */2 * * *":          "at minute 0 of every 2nd hour",
		"*/20 1,3 * * *":       "at 01:00, 01:20, 01:40, 03:00, 03:20 and 03:40 each day",
		"*/10 * * * * *":       "every 10 seconds",
		"*/10 5 * * * *":       "every 10 seconds of minute 5",
		"15 0 3 * * *":         "at 03:00:15 each day",
		"0 0 L * *":            "at 00:00 on the last day of the month",
		"0 0 L-3 * *":          "at 00:00 on the 3rd day before the last of the month",
		"0 0 15W,LW * *":       "at 00:00 on the last working day and the working day nearest the 15th of the month",
		"0 0 13 * FRI":         "at 00:00 on the 13th of the month or on Fridays",
		"0 0 1-7 * *":          "at 00:00 on the 1st to 7th of the month",
		"0 0 */2 * MON":        "at 00:00 on the 1st, 3rd, 5th, 7th, 9th, 11th, 13th, 15th, 17th, 19th, 21st, 23rd, 25th, 27th, 29th and 31st of the month, on Mondays only",
		"0 12 * JAN,JUN-AUG *": "at 12:00 in January and June to August",
		"* * * JUN *":          "each minute in June",
	} {
		e, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Words(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", expr, got, want)
		}
	}
}
